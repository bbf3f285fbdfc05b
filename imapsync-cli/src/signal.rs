//! SIGINT and SIGTERM: the first stops the run in order, the second at once.

use tokio_util::sync::CancellationToken;

/// Waits for signals for ever: the first one cancels `run` and is noted in `noted`, the second ends the process.
#[cfg(unix)]
pub(crate) async fn watch(run: CancellationToken, noted: Noted) {
    use std::sync::atomic::Ordering;
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return; // The signals then keep their default action, which is safe at any instant too.
    };
    loop {
        let number = tokio::select! {
            Some(()) = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            Some(()) = terminate.recv() => SignalKind::terminate().as_raw_value(),
            else => return,
        };
        if noted.0.swap(number, Ordering::SeqCst) != 0 {
            noted.die();
            return;
        }
        run.cancel();
    }
}

/// Ctrl-C cancels `run`.
#[cfg(not(unix))]
pub(crate) async fn watch(run: CancellationToken, _noted: Noted) {
    if tokio::signal::ctrl_c().await.is_ok() {
        run.cancel();
    }
}

/// The number of the signal that stopped the run; 0 while there was none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Noted(std::sync::Arc<std::sync::atomic::AtomicI32>);

impl Noted {
    /// Ends the process by the signal that was noted, if any, so that the parent learns of it: a shell then breaks
    /// its loop on Ctrl-C.
    pub(crate) fn die(&self) {
        #[cfg(unix)]
        {
            let number = self.0.load(std::sync::atomic::Ordering::SeqCst);
            if number != 0 {
                // Returns only where the signal's default action is not to end the process.
                let _ = signal_hook::low_level::emulate_default_handler(number);
            }
        }
    }
}
