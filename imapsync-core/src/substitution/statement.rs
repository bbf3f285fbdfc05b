//! Cutting the user's text into statements: the operator, its delimiters, its parts and its flags.

use super::cursor::{Cursor, Piece, refuse};
use crate::error::Error;

/// How much a user may write in one option, in bytes: far beyond any honest edit.
const MAX_SOURCE: usize = 64 * 1024;

/// Which of the two operators a statement uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// `s/pattern/replacement/`.
    Substitute,
    /// `tr/from/to/` or `y/from/to/`.
    Transliterate,
}

/// One statement, its parts not yet understood.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) operator: Operator,
    /// What stands between the first two delimiters.
    pub(super) left: Piece,
    /// What stands between the last two.
    pub(super) right: Piece,
    /// `'` as the delimiter: Perl then interpolates nothing.
    pub(super) raw: bool,
    /// The letters behind the last delimiter.
    pub(super) flags: Piece,
}

/// Reads the statements of `source`, which `;` separates.
pub(super) fn statements(source: &str) -> Result<Vec<Statement>, Error> {
    check_length(source)?;
    let whole = Piece::whole(source);
    let mut cursor = whole.cursor(source);
    let mut statements = Vec::new();
    loop {
        cursor.take_while(usize::MAX, |c| c.is_whitespace() || c == ';');
        if cursor.peek().is_none() {
            break;
        }
        statements.push(statement(&mut cursor)?);
        cursor.take_while(usize::MAX, char::is_whitespace);
        if !matches!(cursor.peek(), None | Some(';')) {
            return Err(cursor.refuse(
                cursor.place(),
                "nothing but s/// and tr/// is understood, and nothing is evaluated",
                "end the statement here, or separate two of them with ;",
            ));
        }
    }
    if statements.is_empty() {
        return Err(refuse(source, 1, "the edit is empty", "write s/pattern/replacement/ or tr/from/to/"));
    }
    Ok(statements)
}

/// Refuses a text that is too long to be an edit or a pattern.
pub(super) fn check_length(source: &str) -> Result<(), Error> {
    if source.len() <= MAX_SOURCE {
        return Ok(());
    }
    Err(refuse(source, 1, format!("longer than {MAX_SOURCE} bytes"), "cut it into several edits"))
}

fn statement(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    let start = cursor.place();
    let word = cursor.take_while(16, |c| c.is_alphanumeric() || c == '_');
    let operator = match word.as_str() {
        "s" => Operator::Substitute,
        "tr" | "y" => Operator::Transliterate,
        "m" | "qr" => {
            return Err(cursor.refuse(
                start,
                format!("{word}// only looks and changes nothing"),
                "write s/pattern/replacement/",
            ));
        }
        _ => {
            return Err(cursor.refuse(
                start,
                "an edit begins with s, tr or y and its delimiter",
                "write s/pattern/replacement/ or tr/from/to/",
            ));
        }
    };
    let blanks = cursor.take_while(usize::MAX, char::is_whitespace);
    let open = match cursor.next() {
        // Perl reads `s #` as a comment.
        Some(c) if is_delimiter(c) && (c != '#' || blanks.is_empty()) => c,
        _ => {
            return Err(cursor.refuse(
                start,
                format!("the delimiter behind {word} is missing"),
                "use a character such as / or , that the pattern does not hold",
            ));
        }
    };
    // Perl keeps the backslash of an escaped bracket in a pattern, and drops that of any other delimiter.
    let left = delimited(cursor, open, operator == Operator::Substitute)?;
    let right_open = if closing(open) == open {
        open
    } else {
        cursor.take_while(usize::MAX, char::is_whitespace);
        match cursor.next() {
            Some(c) if is_delimiter(c) => c,
            _ => {
                return Err(cursor.refuse(
                    cursor.last_place(),
                    "the second part is missing",
                    format!("write {word}{open}…{close}{open}…{close}", close = closing(open)),
                ));
            }
        }
    };
    let right = delimited(cursor, right_open, false)?;
    let raw = right_open == '\'';
    let mut flags = Piece { chars: Vec::new(), end: cursor.place() };
    while let Some(c) = cursor.peek().filter(|c| c.is_alphanumeric() || *c == '_') {
        flags.chars.push((cursor.place(), c));
        cursor.next();
        flags.end = cursor.place();
    }
    Ok(Statement { operator, left, right, raw, flags })
}

fn is_delimiter(c: char) -> bool {
    !c.is_alphanumeric() && c != '_' && c != '\\' && !c.is_whitespace() && !c.is_control()
}

/// The delimiter that closes what `open` opened.
fn closing(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        '{' => '}',
        '<' => '>',
        other => other,
    }
}

/// Reads up to the closing delimiter, which brackets may nest. A backslash before a delimiter is dropped, but for
/// brackets under `keep_brackets`.
fn delimited(cursor: &mut Cursor<'_>, open: char, keep_brackets: bool) -> Result<Piece, Error> {
    let close = closing(open);
    let start = cursor.last_place();
    let mut chars = Vec::new();
    let mut depth = 0_usize;
    loop {
        let place = cursor.place();
        let Some(c) = cursor.next() else {
            return Err(cursor.refuse(
                start,
                format!("the closing {close} of what begins here is missing"),
                "an edit has the form s/pattern/replacement/ or tr/from/to/",
            ));
        };
        if c == '\\' {
            let next_place = cursor.place();
            match cursor.next() {
                Some(next) if (next == open || next == close) && !(keep_brackets && open != close) => {
                    chars.push((next_place, next));
                }
                Some(next) => chars.extend([(place, c), (next_place, next)]),
                // The loop then reports the missing delimiter.
                None => {}
            }
        } else if c == close && depth == 0 {
            return Ok(Piece { chars, end: place });
        } else {
            if c == close {
                depth -= 1;
            } else if c == open {
                depth += 1;
            }
            chars.push((place, c));
        }
    }
}
