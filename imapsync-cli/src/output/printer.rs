//! The standard output, where a reader that went away is no reason to stop the sync.

use std::io::{self, BufWriter, Write};

/// Prints lines until the other end is closed, and is silent from then on.
#[derive(Debug)]
pub(crate) struct Printer<W: Write = io::Stdout> {
    writer: Option<BufWriter<W>>,
}

impl Printer {
    /// To the standard output.
    pub(crate) fn stdout() -> Self {
        Self::to(io::stdout())
    }
}

impl<W: Write> Printer<W> {
    /// To any writer.
    pub(crate) fn to(writer: W) -> Self {
        Self { writer: Some(BufWriter::new(writer)) }
    }

    /// Prints text and a line end, with the next [`flush`](Self::flush) at the latest.
    pub(crate) fn line(&mut self, text: &str) {
        self.write(|writer| writer.write_all(text.as_bytes()).and_then(|()| writer.write_all(b"\n")));
    }

    /// Lets all lines out.
    pub(crate) fn flush(&mut self) {
        self.write(Write::flush);
    }

    fn write(&mut self, write: impl FnOnce(&mut BufWriter<W>) -> io::Result<()>) {
        let Some(writer) = &mut self.writer else { return };
        if let Err(error) = write(writer) {
            // What could not be written is not tried once more.
            if let Some(writer) = self.writer.take() {
                let _ = writer.into_parts();
            }
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
        printer.flush();
        drop(reader);
        printer.line("two");
        printer.flush();
        printer.line("three");
        assert!(printer.writer.is_none());
    }
}
