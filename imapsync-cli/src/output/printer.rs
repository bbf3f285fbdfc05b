//! The standard output, where a reader that went away is no reason to stop the sync.

use std::io::{self, Write};

/// Prints lines until the other end is closed, and is silent from then on.
#[derive(Debug)]
pub(crate) struct Printer<W = io::Stdout> {
    writer: Option<W>,
}

impl Printer {
    /// To the standard output.
    pub(crate) fn stdout() -> Self {
        Self::to(io::stdout())
    }
}

impl<W: Write> Printer<W> {
    /// To any writer.
    pub(crate) const fn to(writer: W) -> Self {
        Self { writer: Some(writer) }
    }

    /// Prints text and a line end.
    pub(crate) fn line(&mut self, text: &str) {
        let Some(writer) = &mut self.writer else { return };
        let written = writer.write_all(text.as_bytes()).and_then(|()| writer.write_all(b"\n"));
        if let Err(error) = written.and_then(|()| writer.flush()) {
            self.writer = None;
            // Who went away need not be told; a full disk must be.
            if error.kind() != io::ErrorKind::BrokenPipe {
                crate::complain(&format!("the output cannot be written: {error}; the run goes on without"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_reader_ends_the_printing_and_nothing_else() {
        let (reader, writer) = io::pipe().unwrap();
        let mut printer = Printer::to(writer);
        printer.line("one");
        drop(reader);
        printer.line("two");
        printer.line("three");
        assert!(printer.writer.is_none());
    }
}
