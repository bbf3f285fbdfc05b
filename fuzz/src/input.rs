//! An input in pieces: numbers first, then texts with a separator between them.

/// What is left of an input.
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    /// The next byte.
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next byte as a number: `'0'` to `'9'` are 0 to 9, and so on. 0 at the end.
    pub(crate) fn number(&mut self) -> u8 {
        self.byte().map_or(0, |byte| byte.wrapping_sub(b'0'))
    }

    /// The bytes up to the next separator, without it.
    pub(crate) fn until(&mut self, separator: u8) -> &'a [u8] {
        let end = memchr::memchr(separator, self.0).unwrap_or(self.0.len());
        let (field, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        field
    }

    /// The same as text.
    pub(crate) fn text(&mut self, separator: u8) -> String {
        String::from_utf8_lossy(self.until(separator)).into_owned()
    }
}
