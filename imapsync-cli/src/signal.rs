//! SIGINT and SIGTERM: the first stops what runs in order, the second the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use tokio_util::sync::CancellationToken;

/// What the first signal sets off. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    /// Cancelled by the first signal.
    pub(crate) token: CancellationToken,
    /// The number of that signal; 0 while there was none.
    number: Arc<AtomicI32>,
}

impl Stop {
    /// From now on signals are watched for, on a thread of their own, as long as the process lives.
    pub(crate) fn watch(&self) {
        let stop = self.clone();
        // Without the thread, signals keep their default action, which is safe at any instant too.
        let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() {
                runtime.block_on(stop.wait());
            }
        });
    }

    #[cfg(unix)]
    async fn wait(&self) {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        loop {
            let number = tokio::select! {
                Some(()) = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
                Some(()) = terminate.recv() => SignalKind::terminate().as_raw_value(),
                else => return,
            };
            if self.number.swap(number, Ordering::SeqCst) != 0 {
                self.die();
                return;
            }
            self.token.cancel();
        }
    }

    #[cfg(not(unix))]
    async fn wait(&self) {
        if tokio::signal::ctrl_c().await.is_ok() {
            self.token.cancel();
        }
    }

    /// Ends the process by the signal that came, if any, so that the parent learns of it: a shell then breaks its loop
    /// on Ctrl-C.
    pub(crate) fn die(&self) {
        #[cfg(unix)]
        {
            let number = self.number.load(Ordering::SeqCst);
            if number != 0 {
                // Returns only where the signal's default action is not to end the process.
                let _ = signal_hook::low_level::emulate_default_handler(number);
            }
        }
    }
}
