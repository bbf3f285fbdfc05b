//! A compiled pattern, and finding its matches in Perl's order.

use super::cursor::{Piece, refuse};
use super::translate::{Flags, Mode, translate};
use crate::error::Error;
use regex::bytes::{CaptureLocations, Regex, RegexBuilder};

/// The memory that one compiled pattern may take, in bytes.
const MAX_COMPILED: usize = 8 << 20;

/// A pattern compiled for text and for bytes.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    text: Program,
    bytes: Program,
    pub(super) names: Vec<(String, usize)>,
}

impl Expression {
    /// Compiles the pattern that stands in `piece`.
    pub(super) fn compile(
        source: &str,
        piece: &Piece,
        flags: Flags,
        interpolated: bool,
    ) -> Result<Self, Error> {
        let text = translate(source, piece, flags, Mode::Text, interpolated)?;
        let bytes = translate(source, piece, flags, Mode::Bytes, interpolated)?;
        let place = piece.chars.first().map_or(piece.end, |&(place, _)| place);
        let compile = |translated: &super::translate::Translated| -> Result<Program, Error> {
            let regex = RegexBuilder::new(&translated.regex)
                .size_limit(MAX_COMPILED)
                .dfa_size_limit(MAX_COMPILED)
                .build()
                .map_err(|error| explain(source, place, &error))?;
            Ok(Program {
                regex,
                groups: translated.groups.clone(),
                line_ends: translated.line_ends.clone(),
                line_starts: translated.line_starts,
            })
        };
        Ok(Self { text: compile(&text)?, bytes: compile(&bytes)?, names: text.names })
    }

    /// How many groups the user wrote.
    pub(super) fn group_count(&self) -> usize {
        self.text.groups.len()
    }

    /// The form of it for `mode`.
    pub(super) fn program(&self, mode: Mode) -> &Program {
        match mode {
            Mode::Text => &self.text,
            Mode::Bytes => &self.bytes,
        }
    }
}

fn explain(source: &str, place: usize, error: &regex::Error) -> Error {
    match error {
        regex::Error::CompiledTooBig(limit) => refuse(
            source,
            place,
            format!("the pattern needs more than {limit} bytes of memory"),
            "use smaller counts in {…}",
        ),
        other => {
            // The last line of the crate's explanation names the cause.
            let text = other.to_string();
            let cause = text.lines().last().unwrap_or_default();
            let cause = cause.strip_prefix("error: ").unwrap_or(cause);
            refuse(source, place, format!("the pattern cannot be used: {cause}"), "change the pattern there")
        }
    }
}

/// A pattern compiled for one of the two.
#[derive(Debug, Clone)]
pub(super) struct Program {
    regex: Regex,
    groups: Vec<usize>,
    line_ends: Vec<usize>,
    line_starts: bool,
}

/// One match: byte offsets, of the whole and of the user's groups.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) groups: Vec<Option<(usize, usize)>>,
}

impl Program {
    /// Room for the offsets of one match.
    pub(super) fn locations(&self) -> CaptureLocations {
        self.regex.capture_locations()
    }

    /// Whether it matches anywhere.
    pub(super) fn is_match(&self, haystack: &[u8]) -> bool {
        if self.line_starts {
            return self.find(haystack, 0, &mut self.locations()).is_some();
        }
        self.regex.is_match(haystack)
    }

    /// The first match at or behind `at`.
    pub(super) fn find(&self, haystack: &[u8], at: usize, locations: &mut CaptureLocations) -> Option<Found> {
        let whole = self.regex.captures_read_at(locations, haystack, at)?;
        let (start, mut end) = (whole.start(), whole.end());
        if self.line_starts && start == haystack.len() && haystack.ends_with(b"\n") {
            return None;
        }
        for (line_feed, _) in self.line_ends.iter().filter_map(|&group| locations.get(group)) {
            end = end.min(line_feed);
        }
        let group = |&index: &usize| {
            let (from, to) = locations.get(index)?;
            Some((from.min(end), to.min(end)))
        };
        Some(Found { start: start.min(end), end, groups: self.groups.iter().map(group).collect() })
    }
}
