//! Status responses: OK, NO, BAD, BYE and PREAUTH with their codes (RFC 9051 section 7.1, RFC 5530).

use std::fmt;

use bytes::Bytes;
use memchr::{memchr, memmem};
use nom::Parser;
use nom::combinator::all_consuming;

use super::token::{Scope, number, word_list, words};
use crate::imap::capability::Capabilities;
use crate::imap::flag::PermanentFlags;
use crate::imap::text::escape;
use crate::imap::uidset::UidSet;

/// The longest text that is kept for people, in characters.
const MAX_TEXT: usize = 1000;

/// A status response.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// Its first word.
    pub kind: StatusKind,
    /// The code between brackets, where one stands in front of the text and can be read.
    pub code: Option<Code>,
    /// The text behind the code, escaped for people, at most 1000 characters long.
    pub text: String,
    /// All that follows the first word, code included, as sent.
    pub raw: Bytes,
}

/// As a server says it, escaped: `NO [TOOBIG] too big`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.word())?;
        if !self.raw.is_empty() {
            write!(f, " {}", escape(&self.raw, MAX_TEXT))?;
        }
        Ok(())
    }
}

impl Status {
    /// Adds what else is known to the text.
    pub(crate) fn add(&mut self, detail: &str) {
        self.text = format!("{} {detail}", self.text);
        self.raw = [&self.raw, &b" "[..], detail.as_bytes()].concat().into();
    }

    /// Whether the server says that creating the folder would help.
    ///
    /// GNU mailutils puts the code inside the text (`NO APPEND [TRYCREATE] failed`) and says so for any failed APPEND:
    /// a caller must not create and retry more than once.
    pub fn says_try_create(&self) -> bool {
        self.code == Some(Code::TryCreate)
            || memmem::find(&self.raw.to_ascii_uppercase(), b"[TRYCREATE]").is_some()
    }
}

/// The first word of a status response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusKind {
    /// Done, or information.
    Ok,
    /// Refused, or a warning.
    No,
    /// Not understood.
    Bad,
    /// The server is closing the connection.
    Bye,
    /// A greeting: already logged in.
    PreAuth,
}

impl StatusKind {
    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
            Self::Bye => "BYE",
            Self::PreAuth => "PREAUTH",
        }
    }

    fn parse(word: &[u8]) -> Option<Self> {
        [Self::Ok, Self::No, Self::Bad, Self::Bye, Self::PreAuth]
            .into_iter()
            .find(|kind| word.eq_ignore_ascii_case(kind.word().as_bytes()))
    }
}

/// A response code. One whose arguments cannot be read is [`Code::Other`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Code {
    /// The text must be shown to the user.
    Alert,
    /// The UIDs of appended messages (RFC 4315).
    AppendUid {
        /// The folder's UIDVALIDITY.
        uid_validity: u32,
        /// One UID for each message, in order.
        uids: UidSet,
    },
    /// The UIDs of copied messages (RFC 4315).
    CopyUid {
        /// UIDVALIDITY of the folder copied to.
        uid_validity: u32,
        /// Copied from.
        source: UidSet,
        /// Copied to.
        destination: UidSet,
    },
    /// A UID that no message has reached yet.
    UidNext(u32),
    /// The folder's UIDVALIDITY; never 0.
    UidValidity(u32),
    /// The sequence number of the first unseen message.
    Unseen(u32),
    /// The flags that a client can change for good.
    PermanentFlags(PermanentFlags),
    /// The folder was opened read-only.
    ReadOnly,
    /// The folder was opened read-write.
    ReadWrite,
    /// CREATE would help.
    TryCreate,
    /// The capabilities, unasked.
    Capability(Capabilities),
    /// The folder's highest mod-sequence (RFC 7162).
    HighestModSeq(u64),
    /// The folder has no mod-sequences (RFC 7162).
    NoModSeq,
    /// Messages that a conditional STORE left alone (RFC 7162).
    Modified(UidSet),
    /// UIDs in this folder do not persist (RFC 4315).
    UidNotSticky,
    /// The folder's immutable name (RFC 8474).
    MailboxId(String),
    /// No room left.
    OverQuota,
    /// Wrong credentials.
    AuthenticationFailed,
    /// Right credentials that may not log in as this user.
    AuthorizationFailed,
    /// Right credentials that have expired.
    Expired,
    /// Stronger protection is needed.
    PrivacyRequired,
    /// A subsystem is down: try later.
    Unavailable,
    /// A limit of the server: try later, or less at once.
    Limit,
    /// Somebody else holds it: try later.
    InUse,
    /// The message is too large (RFC 4469, RFC 7889).
    TooBig,
    /// A bug of the server.
    ServerBug,
    /// A bug of the client, as the server sees it.
    ClientBug,
    /// Never possible on this server.
    Cannot,
    /// Only the administrator can help.
    ContactAdmin,
    /// The server's store is damaged.
    Corruption,
    /// A message was expunged meanwhile.
    ExpungeIssued,
    /// No permission.
    NoPerm,
    /// It exists already.
    AlreadyExists,
    /// It does not exist.
    Nonexistent,
    /// It has children.
    HasChildren,
    /// The folder that was open has been closed (RFC 7162).
    Closed,
    /// COMPRESS is active already (RFC 4978).
    CompressionActive,
    /// Another server; never followed.
    Referral(Bytes),
    /// The SEARCH charset is not known.
    BadCharset,
    /// A message cannot be parsed.
    Parse,
    /// Any other code.
    Other {
        /// Its name in upper case, escaped.
        name: String,
        /// What follows the name, as sent.
        args: Option<Bytes>,
    },
}

/// A status line, or None where `keyword` begins something else.
pub(super) fn parse<'a>(scope: Scope<'a>, keyword: &'a [u8], rest: &'a [u8]) -> Option<Status> {
    let kind = StatusKind::parse(keyword)?;
    let raw = rest.trim_ascii();
    let (code, text) = match split_code(raw) {
        Some((inside, text)) => (code(scope, inside), text),
        None => (None, raw),
    };
    Some(Status { kind, code, text: escape(text.trim_ascii(), MAX_TEXT), raw: scope.share(raw.into()) })
}

/// What stands between the brackets, and the text behind them.
///
/// The end is the first `]` outside parentheses and quotes, since keywords may hold one; where there is none (a
/// stray quote), the first of all. A code that never ends is text.
fn split_code(raw: &[u8]) -> Option<(&[u8], &[u8])> {
    let code = raw.strip_prefix(b"[")?;
    let mut depth = 0usize;
    let mut quoted = false;
    let mut bytes = code.iter().enumerate();
    let mut end = None;
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' if quoted => drop(bytes.next()),
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b']' if depth == 0 => {
                end = Some(at);
                break;
            }
            _ => {}
        }
    }
    let end = end.or_else(|| memchr(b']', code))?;
    Some((&code[..end], &code[end + 1..]))
}

fn code<'a>(scope: Scope<'a>, inside: &'a [u8]) -> Option<Code> {
    let inside = inside.trim_ascii();
    let at = memchr(b' ', inside).unwrap_or(inside.len());
    let (name, args) = (inside[..at].to_ascii_uppercase(), inside[at..].trim_ascii());
    if name.is_empty() {
        return None;
    }
    let code = simple(&name).or_else(|| with_args(scope, &name, args));
    Some(code.unwrap_or_else(|| Code::Other {
        name: escape(&name, 100),
        args: (!args.is_empty()).then(|| scope.share(args.into())),
    }))
}

/// The codes that need no arguments.
fn simple(name: &[u8]) -> Option<Code> {
    Some(match name {
        b"ALERT" => Code::Alert,
        b"READ-ONLY" => Code::ReadOnly,
        b"READ-WRITE" => Code::ReadWrite,
        b"TRYCREATE" => Code::TryCreate,
        b"NOMODSEQ" => Code::NoModSeq,
        b"UIDNOTSTICKY" => Code::UidNotSticky,
        b"OVERQUOTA" => Code::OverQuota,
        b"AUTHENTICATIONFAILED" => Code::AuthenticationFailed,
        b"AUTHORIZATIONFAILED" => Code::AuthorizationFailed,
        b"EXPIRED" => Code::Expired,
        b"PRIVACYREQUIRED" => Code::PrivacyRequired,
        b"UNAVAILABLE" => Code::Unavailable,
        b"LIMIT" => Code::Limit,
        b"INUSE" => Code::InUse,
        b"TOOBIG" => Code::TooBig,
        b"SERVERBUG" => Code::ServerBug,
        b"CLIENTBUG" => Code::ClientBug,
        b"CANNOT" => Code::Cannot,
        b"CONTACTADMIN" => Code::ContactAdmin,
        b"CORRUPTION" => Code::Corruption,
        b"EXPUNGEISSUED" => Code::ExpungeIssued,
        b"NOPERM" => Code::NoPerm,
        b"ALREADYEXISTS" => Code::AlreadyExists,
        b"NONEXISTENT" => Code::Nonexistent,
        b"HASCHILDREN" => Code::HasChildren,
        b"CLOSED" => Code::Closed,
        b"COMPRESSIONACTIVE" => Code::CompressionActive,
        b"BADCHARSET" => Code::BadCharset,
        b"PARSE" => Code::Parse,
        _ => return None,
    })
}

/// The codes with arguments; None where those are broken.
fn with_args<'a>(scope: Scope<'a>, name: &[u8], args: &'a [u8]) -> Option<Code> {
    let mut parts = words(args);
    Some(match name {
        b"APPENDUID" => {
            let uid_validity = positive(parts.next()?)?;
            Code::AppendUid { uid_validity, uids: uids(parts.next()?)? }
        }
        b"COPYUID" => {
            let uid_validity = positive(parts.next()?)?;
            Code::CopyUid { uid_validity, source: uids(parts.next()?)?, destination: uids(parts.next()?)? }
        }
        b"UIDNEXT" => Code::UidNext(positive(args)?),
        b"UIDVALIDITY" => Code::UidValidity(positive(args)?),
        b"UNSEEN" => Code::Unseen(whole(args)?),
        b"HIGHESTMODSEQ" => Code::HighestModSeq(whole(args)?),
        b"MODIFIED" => Code::Modified(uids(args)?),
        b"CAPABILITY" => Code::Capability(Capabilities::parse(parts)),
        b"PERMANENTFLAGS" => {
            let (_, words) = all_consuming(word_list).parse(args).ok()?;
            Code::PermanentFlags(PermanentFlags::parse(words.iter().map(|word| &**word)))
        }
        b"MAILBOXID" => {
            let id = args.trim_ascii().strip_prefix(b"(")?.strip_suffix(b")")?;
            Code::MailboxId(escape(id.trim_ascii(), 255))
        }
        b"REFERRAL" => Code::Referral(scope.share(args.into())),
        _ => return None,
    })
}

fn whole<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    all_consuming(number).parse(text).ok().map(|(_, number)| number)
}

fn positive(text: &[u8]) -> Option<u32> {
    whole(text).filter(|&number| number != 0)
}

fn uids(text: &[u8]) -> Option<UidSet> {
    UidSet::parse(text).filter(|uids| !uids.is_empty())
}
