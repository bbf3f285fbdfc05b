//! The edits and patterns that users give in Perl's form, on an engine whose time is linear in the text.
//!
//! The Perl imapsync handed `--regextrans2 's/…/…/'` to Perl's `eval`. Here the form is the same and nothing is ever
//! evaluated: a [`Substitution`] is read once into plain data, and what could run code (`e`, `(?{…})`, `@{…}`) or
//! take more than linear time (look-around, backreferences within the pattern) is refused by name.
//!
//! Understood are `s/pattern/replacement/` with any delimiter and the flags `g i m s x`; in the replacement `$1`,
//! `${1}`, `\1`, `$&`, `$+{name}`, the usual escapes, and `\U \L \u \l \Q \E`; `tr/from/to/` (or `y`) with ranges and
//! the flags `c d s`; several of these separated by `;`.
//!
//! What differs from Perl on purpose: `\d` is ASCII; `@` is an at sign and needs no backslash; `$2` for a group that
//! the pattern does not have is refused; after an empty match the search goes on one character further, where Perl
//! would first look for a longer match at the same place (only patterns such as `a*?` or `|a` under `g` can tell).

mod class;
mod cursor;
mod escape;
mod expression;
mod replacement;
mod statement;
mod translate;
mod transliteration;

#[cfg(test)]
mod tests;

use crate::error::{Error, ErrorKind};
use cursor::Piece;
use expression::Expression;
use replacement::Template;
use statement::{Operator, Statement};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use translate::{Flags, Mode};
use transliteration::Transliteration;

/// An edit in Perl's form, ready to be applied: `s/…/…/`, `tr/…/…/`, or several of them.
///
/// ```
/// use imapsync_core::substitution::Substitution;
/// let edit = Substitution::parse(r"s,^\[Gmail\]/,,; s/Sent Mail/\USent/")?;
/// assert_eq!(edit.apply("[Gmail]/Sent Mail"), "SENT");
/// let refused = Substitution::parse("s/(.*)/lc($1)/e").unwrap_err();
/// assert!(refused.to_string().contains("at character 15: the flag e"));
/// # Ok::<(), imapsync_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Substitution {
    source: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    Replace { expression: Expression, template: Template, every: bool },
    Transliterate(Transliteration),
}

impl Substitution {
    /// Reads an edit.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`], with the place in the text and what to write instead, for whatever is not understood,
    /// would be evaluated, or needs too much memory.
    pub fn parse(source: &str) -> Result<Self, Error> {
        let steps = statement::statements(source)?
            .iter()
            .map(|statement| match statement.operator {
                Operator::Substitute => substitute(source, statement),
                Operator::Transliterate => {
                    Transliteration::parse(source, &statement.left, &statement.right, &statement.flags)
                        .map(Step::Transliterate)
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { source: source.to_owned(), steps })
    }

    /// The edit as the user wrote it.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// The edited text; borrowed where nothing changed.
    pub fn apply<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.run(Mode::Text, text.as_bytes()) {
            None => Cow::Borrowed(text),
            // Text matches at character boundaries only, so this never loses anything.
            Some(bytes) => Cow::Owned(
                String::from_utf8(bytes)
                    .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
            ),
        }
    }

    /// The edited bytes, of a message for instance: `.` is one byte, valid UTF-8 or not, and `\w`, `\s` and the case
    /// operators know ASCII only.
    pub fn apply_bytes<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        self.run(Mode::Bytes, bytes).map_or(Cow::Borrowed(bytes), Cow::Owned)
    }

    fn run(&self, mode: Mode, haystack: &[u8]) -> Option<Vec<u8>> {
        let mut edited: Option<Vec<u8>> = None;
        for step in &self.steps {
            let current = edited.as_deref().unwrap_or(haystack);
            let next = match step {
                Step::Replace { expression, template, every } => {
                    replace(expression, template, *every, mode, current)
                }
                Step::Transliterate(transliteration) => Some(transliteration.apply(mode, current)),
            };
            edited = next.or(edited);
        }
        edited.filter(|edited| edited != haystack)
    }
}

fn substitute(source: &str, statement: &Statement) -> Result<Step, Error> {
    let mut flags = Flags::default();
    let mut every = false;
    let mut letters = statement.flags.cursor(source);
    while let Some(letter) = letters.next() {
        let refused = match letter {
            'g' => {
                every = true;
                continue;
            }
            'i' => {
                flags.ignore_case = true;
                continue;
            }
            'm' => {
                flags.lines = true;
                continue;
            }
            's' => {
                flags.dot_all = true;
                continue;
            }
            'x' => {
                flags.spaced = true;
                continue;
            }
            // They only tune how Perl works.
            'o' | 'p' => continue,
            'e' => letters.refuse(
                letters.last_place(),
                "the flag e would run the replacement as Perl code, and nothing is evaluated",
                "\\U, \\L, \\u and \\l in the replacement change case",
            ),
            'r' => letters.refuse(
                letters.last_place(),
                "the flag r returns a copy and changes nothing",
                "leave it out",
            ),
            other => letters.refuse(
                letters.last_place(),
                format!("the flag {other:?} is not supported"),
                "the flags g, i, m, s and x are",
            ),
        };
        return Err(refused);
    }
    if statement.left.chars.is_empty() {
        return Err(cursor::refuse(
            source,
            statement.left.end,
            "an empty pattern is the last one used in Perl, and there is none",
            "write ^ to put something in front",
        ));
    }
    let expression = Expression::compile(source, &statement.left, flags, true)?;
    let template = if statement.raw {
        Template::raw(source, &statement.right)
    } else {
        Template::parse(source, &statement.right, expression.group_count(), &expression.names)?
    };
    Ok(Step::Replace { expression, template, every })
}

/// The haystack with the first match, or every match, replaced; `None` where there is none.
fn replace(
    expression: &Expression,
    template: &Template,
    every: bool,
    mode: Mode,
    haystack: &[u8],
) -> Option<Vec<u8>> {
    let program = expression.program(mode);
    let mut locations = program.locations();
    let slice = |from: usize, to: usize| haystack.get(from..to).unwrap_or_default();
    let mut out: Option<Vec<u8>> = None;
    let mut copied = 0;
    let mut at = 0;
    while at <= haystack.len() {
        let Some(found) = program.find(haystack, at, &mut locations) else { break };
        let edited = out.get_or_insert_default();
        edited.extend_from_slice(slice(copied, found.start));
        let group = |number: usize| match number.checked_sub(1) {
            None => slice(found.start, found.end),
            Some(index) => {
                found.groups.get(index).copied().flatten().map_or(&b""[..], |(from, to)| slice(from, to))
            }
        };
        template.render(mode, &group, edited);
        copied = found.end;
        if !every {
            break;
        }
        at = found.end;
        if found.start == found.end {
            at += 1;
            // In text, never into the middle of a character.
            while mode == Mode::Text && haystack.get(at).is_some_and(|byte| byte & 0xC0 == 0x80) {
                at += 1;
            }
        }
    }
    if let Some(edited) = &mut out {
        edited.extend_from_slice(slice(copied, haystack.len()));
    }
    out
}

/// A bare pattern in Perl's syntax, as `--include` and `--exclude` take it: unanchored, case counts.
///
/// ```
/// use imapsync_core::substitution::Pattern;
/// let pattern = Pattern::parse(r"^\[Gmail\]$|(?i)spam")?;
/// assert!(pattern.is_match("My Spam"));
/// assert!(!pattern.is_match("[Gmail]/Trash"));
/// # Ok::<(), imapsync_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Pattern {
    source: String,
    expression: Expression,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] for an empty pattern, and as for [`Substitution::parse`].
    pub fn parse(source: &str) -> Result<Self, Error> {
        statement::check_length(source)?;
        if source.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "an empty pattern would match everything")
                .hint("leave the option out, or write . to mean everything"));
        }
        let expression = Expression::compile(source, &Piece::whole(source), Flags::default(), false)?;
        Ok(Self { source: source.to_owned(), expression })
    }

    /// The pattern as the user wrote it.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether the pattern matches anywhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        self.expression.program(Mode::Text).is_match(text.as_bytes())
    }

    /// Whether the pattern matches anywhere in the bytes; see [`Substitution::apply_bytes`].
    pub fn is_match_bytes(&self, bytes: &[u8]) -> bool {
        self.expression.program(Mode::Bytes).is_match(bytes)
    }
}

/// What both types share: they are what the user wrote.
macro_rules! written {
    ($type:ident) => {
        impl FromStr for $type {
            type Err = Error;

            fn from_str(source: &str) -> Result<Self, Error> {
                Self::parse(source)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.source)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($type)).field(&self.source).finish()
            }
        }

        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                self.source == other.source
            }
        }

        impl Eq for $type {}
    };
}

written!(Substitution);
written!(Pattern);
