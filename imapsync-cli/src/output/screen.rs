//! Where the lines of a run go: to a file or a pipe as they are, on a terminal above a progress bar.

use super::line::{Moment, Where, line};
use super::meter::Meter;
use super::outcome::{Fate, fate};
use super::printer::Printer;
use super::text::{bytes, float, ratio};
use chrono::Local;
use imapsync_core::sync::Event;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Stdout};
use std::time::{Duration, Instant};

/// The output of a run while it goes on.
#[derive(Debug)]
pub(crate) struct Screen {
    printer: Printer<Stdout>,
    bar: Option<ProgressBar>,
    terminal: bool,
    dry: bool,
    meter: Meter,
    started: Instant,
}

impl Screen {
    /// The standard output.
    pub(crate) fn new() -> Self {
        Self {
            printer: Printer::stdout(),
            bar: None,
            terminal: std::io::stdout().is_terminal(),
            dry: false,
            meter: Meter::default(),
            started: Instant::now(),
        }
    }

    /// From now on events are those of a run that begins, and may only plan.
    pub(crate) fn run_begins(&mut self, dry: bool) {
        self.dry = dry;
        self.meter = Meter::default();
        self.started = Instant::now();
    }

    /// Prints lines at once.
    pub(crate) fn print(&mut self, text: &str) {
        self.line(text);
        self.flush();
    }

    /// Lets everything out that waits to be printed.
    pub(crate) fn flush(&mut self) {
        self.printer.flush();
    }

    /// Prints lines, on a terminal at once.
    fn line(&mut self, text: &str) {
        let Self { printer, bar, .. } = self;
        match bar {
            Some(bar) => bar.suspend(|| {
                printer.line(text);
                printer.flush();
            }),
            None => printer.line(text),
        }
    }

    /// Takes the progress bar away.
    pub(crate) fn run_ends(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Shows an event; lines of it may wait for the next [`flush`](Self::flush).
    pub(crate) fn event(&mut self, event: &Event) {
        let elapsed = self.started.elapsed();
        self.count(event);
        let moment = Moment { dry: self.dry, meter: self.meter, elapsed, now: Local::now().fixed_offset() };
        if let Some((place, text)) = line(event, &moment)
            && (place == Where::Always || self.dry || !self.terminal)
        {
            self.line(&text);
        }
        self.draw(event, elapsed);
    }

    fn count(&mut self, event: &Event) {
        let meter = &mut self.meter;
        match event {
            Event::Totals { messages, .. } => meter.total = *messages,
            Event::Message { size, outcome, .. } => {
                meter.done = meter.done.saturating_add(1);
                if let Fate::Copied(_) = fate(outcome) {
                    meter.copied = meter.copied.saturating_add(1);
                    meter.bytes = meter.bytes.saturating_add(*size);
                }
            }
            // Most of what is told is messages: better slightly wrong than standing still.
            Event::Lost(count) => meter.done = meter.done.saturating_add(*count).min(meter.total),
            _ => {}
        }
    }

    fn draw(&mut self, event: &Event, elapsed: Duration) {
        if self.bar.is_none() && self.terminal && !self.dry && matches!(event, Event::Totals { .. }) {
            let bar = ProgressBar::with_draw_target(Some(self.meter.total), ProgressDrawTarget::stdout());
            // The template is a constant; were it wrong, the default style would do.
            if let Ok(style) = ProgressStyle::with_template("[{bar:30}] {pos}/{len} {wide_msg}") {
                bar.set_style(style.progress_chars("=> "));
            }
            self.bar = Some(bar);
        }
        let Some(bar) = &self.bar else { return };
        let Meter { copied, bytes: size, .. } = self.meter;
        let seconds = elapsed.as_secs_f64();
        bar.set_message(format!(
            "{:.1} msgs/s  {}/s  {} copied  ETA {}",
            ratio(float(copied), seconds),
            bytes(ratio(float(size), seconds)),
            bytes(float(size)),
            indicatif::HumanDuration(self.meter.remaining(elapsed)),
        ));
        bar.set_position(self.meter.done);
    }
}
