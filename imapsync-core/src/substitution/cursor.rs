//! Reading what a user wrote character by character, so that every refusal can point at its place.

use crate::error::{Error, ErrorKind};
use crate::imap::text;

/// A part of the user's text: its characters, each with its place (counted from 1) in the whole.
#[derive(Debug, Clone, Default)]
pub(super) struct Piece {
    pub(super) chars: Vec<(usize, char)>,
    /// The place just behind the piece, where its closing delimiter stands.
    pub(super) end: usize,
}

impl Piece {
    /// The whole text as one piece.
    pub(super) fn whole(source: &str) -> Self {
        let chars: Vec<(usize, char)> = source.chars().enumerate().map(|(i, c)| (i + 1, c)).collect();
        let end = chars.len() + 1;
        Self { chars, end }
    }

    /// A cursor at the beginning of the piece; `source` is the whole text, for error messages.
    pub(super) fn cursor<'a>(&'a self, source: &'a str) -> Cursor<'a> {
        Cursor { source, piece: self, at: 0 }
    }
}

/// A reading position within a [`Piece`].
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    source: &'a str,
    piece: &'a Piece,
    at: usize,
}

impl Cursor<'_> {
    /// The next character, not consumed.
    pub(super) fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    /// The character `ahead` places behind the next one.
    pub(super) fn peek_at(&self, ahead: usize) -> Option<char> {
        self.piece.chars.get(self.at.saturating_add(ahead)).map(|&(_, c)| c)
    }

    /// Consumes the next character.
    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    /// Consumes the next character if it is `c`.
    pub(super) fn eat(&mut self, c: char) -> bool {
        let hit = self.peek() == Some(c);
        self.at += usize::from(hit);
        hit
    }

    /// Consumes `text` if it stands here.
    pub(super) fn eat_all(&mut self, text: &str) -> bool {
        let hit = text.chars().enumerate().all(|(ahead, c)| self.peek_at(ahead) == Some(c));
        if hit {
            self.at += text.chars().count();
        }
        hit
    }

    /// Consumes the characters that `wanted` accepts, at most `most` of them.
    pub(super) fn take_while(&mut self, most: usize, wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        for _ in 0..most {
            match self.peek() {
                Some(c) if wanted(c) => taken.push(c),
                _ => break,
            }
            self.at += 1;
        }
        taken
    }

    /// What stands between here and the next `close`, both consumed; `None` (nothing consumed) where there is none.
    pub(super) fn until(&mut self, close: char) -> Option<String> {
        let rest = self.piece.chars.get(self.at..)?;
        let length = rest.iter().position(|&(_, c)| c == close)?;
        let inside = rest.iter().take(length).map(|&(_, c)| c).collect();
        self.at += length + 1;
        Some(inside)
    }

    /// The place of the next character in the user's text.
    pub(super) fn place(&self) -> usize {
        self.piece.chars.get(self.at).map_or(self.piece.end, |&(place, _)| place)
    }

    /// The place of the character consumed last.
    pub(super) fn last_place(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.piece.chars.get(at)).map_or(1, |&(place, _)| place)
    }

    /// The refusal of what stands at `place`.
    pub(super) fn refuse(&self, place: usize, what: impl AsRef<str>, hint: impl Into<String>) -> Error {
        refuse(self.source, place, what, hint)
    }
}

/// A usage error about the character at `place` of `source`, fit for a terminal whatever the user wrote.
pub(super) fn refuse(source: &str, place: usize, what: impl AsRef<str>, hint: impl Into<String>) -> Error {
    let [shown, what, hint] = [(source, 120), (what.as_ref(), usize::MAX), (&*hint.into(), usize::MAX)]
        .map(|(text, max)| text::escape(text.as_bytes(), max));
    Error::new(ErrorKind::Usage, format!("in {shown} at character {place}: {what}")).hint(hint)
}
