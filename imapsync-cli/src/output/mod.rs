//! What the program tells: lines, the progress bar, the statistics.

mod line;
mod meter;
mod outcome;
mod printer;
mod screen;
#[cfg(feature = "state")]
mod state;
mod statistics;
mod summary;
mod text;
mod usage;

pub(crate) use line::{failure, notice};
pub(crate) use screen::Screen;
#[cfg(feature = "state")]
pub(crate) use state::{state, state_file};
pub(crate) use summary::{errors, exit_line, summary};
pub(crate) use usage::Usage;

/// A number of bytes in the unit that suits it.
#[cfg(any(feature = "demo", feature = "state"))]
pub(crate) fn size(bytes: u64) -> String {
    text::bytes(text::float(bytes))
}

/// The first lines: what runs, and how it was called. `shown` has its secrets masked.
pub(crate) fn banner(shown: &str) -> String {
    format!("imapsync {}\nCommand line used: imapsync {shown}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests;
