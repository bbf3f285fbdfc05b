//! Commands as typed values, and their bytes on the wire (RFC 9051 section 6).

use crate::imap::capability::{Capabilities, Capability};
use crate::imap::date::InternalDate;
use crate::imap::flag::{Flags, is_atom};
use crate::imap::name::MailboxName;
use crate::imap::response::Section;
use crate::imap::sasl::{Exchange, Secret};
use crate::imap::uidset::UidSet;
use bytes::Bytes;
use std::fmt;

/// A command of a client. `Debug` and [`Command::describe`] never show a secret or the text of a message.
#[derive(Debug)]
pub enum Command {
    /// CAPABILITY
    Capability,
    /// NOOP
    Noop,
    /// LOGOUT
    Logout,
    /// STARTTLS; nothing may be sent behind it.
    StartTls,
    /// COMPRESS DEFLATE (RFC 4978); nothing may be sent behind it.
    Compress,
    /// LOGIN
    Login {
        /// The user name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// AUTHENTICATE; the flow answers the challenges by itself.
    Authenticate(Exchange),
    /// ID (RFC 2971) with name and version of the client.
    Id(Vec<(&'static str, &'static str)>),
    /// NAMESPACE
    Namespace,
    /// ENABLE with these capability names.
    Enable(Vec<&'static str>),
    /// LIST "" pattern, with what LIST-EXTENDED and LIST-STATUS may add.
    List {
        /// The pattern, `*` for all.
        pattern: Bytes,
        /// RETURN (SUBSCRIBED SPECIAL-USE …), where the server has LIST-EXTENDED; empty for a plain LIST.
        returns: Vec<&'static str>,
        /// RETURN (STATUS (…)), where the server has LIST-STATUS.
        status: Vec<StatusItem>,
    },
    /// LSUB "" "*"
    Lsub,
    /// STATUS
    Status {
        /// Which mailbox; never the selected one.
        mailbox: MailboxName,
        /// What to ask.
        items: Vec<StatusItem>,
    },
    /// CREATE
    Create(MailboxName),
    /// SUBSCRIBE
    Subscribe(MailboxName),
    /// SELECT
    Select(MailboxName),
    /// EXAMINE: as SELECT, but nothing can be changed.
    Examine(MailboxName),
    /// UID FETCH
    UidFetch {
        /// Which messages.
        uids: Uids,
        /// What of them.
        items: FetchItems,
    },
    /// UID FETCH (UID FLAGS) of those whose flags have changed, or that have come, since a mod-sequence (CONDSTORE, RFC 7162
    /// section 3.1.4.1).
    UidChanges {
        /// Which messages.
        uids: Uids,
        /// The mod-sequence up to which all is known.
        since: u64,
    },
    /// UID SEARCH: which of these messages are there. As a set where the server has ESEARCH (RFC 4731).
    UidSearch(Uids),
    /// UID STORE …SILENT
    UidStore {
        /// Which messages.
        uids: UidSet,
        /// What to do with their flags.
        action: StoreAction,
        /// The flags.
        flags: Flags,
    },
    /// UID EXPUNGE (UIDPLUS)
    UidExpunge(UidSet),
    /// EXPUNGE: removes every message marked `\Deleted`, whoever marked it.
    Expunge,
    /// APPEND of one message, or of several where the server has MULTIAPPEND (RFC 3502).
    Append(Append),
}

/// The UIDs of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uids {
    /// These.
    Set(UidSet),
    /// This one and all above it. A server may answer with the last message even if its UID is lower.
    From(u32),
}

impl Uids {
    /// Whether the UID was asked for.
    pub fn contains(&self, uid: u32) -> bool {
        match self {
            Self::Set(set) => set.contains(uid),
            Self::From(first) => uid >= *first,
        }
    }
}

/// What a UID FETCH asks for. UID always comes along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchItems {
    /// UID FLAGS INTERNALDATE RFC822.SIZE
    Listing,
    /// UID FLAGS RFC822.SIZE
    Sizes,
    /// UID FLAGS
    Flags,
    /// These header fields, `BODY.PEEK[HEADER.FIELDS (…)]`; the whole header, `BODY.PEEK[HEADER]`, where none is named.
    Header(Vec<String>),
    /// The whole message: BODY.PEEK[]
    Full,
    /// Size, internal date and header (as in `Header`) together: to look whether an APPEND arrived.
    Look(Vec<String>),
}

impl FetchItems {
    /// Whether a body section is asked for, not only attributes.
    pub fn wants_section(&self) -> bool {
        !matches!(self, Self::Listing | Self::Sizes | Self::Flags)
    }

    /// Whether this is the section that is asked for. A server may give a whole header for some of its fields.
    pub fn wants(&self, section: &Section) -> bool {
        match self {
            Self::Listing | Self::Sizes | Self::Flags => false,
            Self::Full => *section == Section::Full,
            Self::Header(_) | Self::Look(_) => matches!(section, Section::Header | Section::HeaderFields),
        }
    }
}

/// What STORE does with the flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreAction {
    /// Adds them: `+FLAGS.SILENT`.
    Add,
    /// Takes them away: `-FLAGS.SILENT`.
    Remove,
    /// Makes them the only ones: `FLAGS.SILENT`.
    Replace,
}

/// An item of STATUS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusItem {
    /// MESSAGES
    Messages,
    /// UIDNEXT
    UidNext,
    /// UIDVALIDITY
    UidValidity,
    /// SIZE (STATUS=SIZE)
    Size,
    /// HIGHESTMODSEQ (CONDSTORE)
    HighestModSeq,
}

impl StatusItem {
    const fn name(self) -> &'static str {
        match self {
            Self::Messages => "MESSAGES",
            Self::UidNext => "UIDNEXT",
            Self::UidValidity => "UIDVALIDITY",
            Self::Size => "SIZE",
            Self::HighestModSeq => "HIGHESTMODSEQ",
        }
    }
}

/// What to append: several messages are stored together or not at all (RFC 3502).
#[derive(Debug)]
pub struct Append {
    /// Into which mailbox.
    pub mailbox: MailboxName,
    /// The messages, at least one; several only where the server has MULTIAPPEND.
    pub messages: Vec<NewMessage>,
}

/// One message to append.
#[derive(Debug)]
pub struct NewMessage {
    /// With which flags.
    pub flags: Flags,
    /// With which internal date; None lets the server take the present.
    pub date: Option<InternalDate>,
    /// The message itself.
    pub message: Literal,
}

impl Append {
    /// An APPEND of one message.
    pub fn one(mailbox: MailboxName, message: NewMessage) -> Self {
        Self { mailbox, messages: vec![message] }
    }
}

/// The bytes of a literal.
pub enum Literal {
    /// All of them.
    Bytes(Bytes),
    /// So many, supplied later piece by piece.
    Streamed(u64),
}

impl Literal {
    /// How many bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Streamed(len) => *len,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.len())
    }
}

/// One piece of an encoded command, in the order of sending.
#[derive(Debug)]
pub enum Piece {
    /// Bytes to send.
    Bytes(Bytes),
    /// Wait for the server's `+` before what follows (a synchronising literal).
    AwaitContinuation,
    /// So many bytes that the caller supplies.
    Streamed(u64),
}

/// Writes a command piece by piece: literals as the server's capabilities allow.
struct Encoder<'a> {
    capabilities: &'a Capabilities,
    line: Vec<u8>,
    pieces: Vec<Piece>,
}

impl Encoder<'_> {
    fn text(&mut self, text: impl AsRef<[u8]>) {
        self.line.extend_from_slice(text.as_ref());
    }

    fn flush(&mut self) {
        if !self.line.is_empty() {
            self.pieces.push(Piece::Bytes(Bytes::from(std::mem::take(&mut self.line))));
        }
    }

    /// LITERAL+ lets every literal fly; LITERAL- those of at most 4096 bytes (RFC 7888).
    fn literal_head(&mut self, len: u64) {
        let flies = self.capabilities.has(Capability::LITERAL_PLUS)
            || (self.capabilities.has(Capability::LITERAL_MINUS) && len <= 4096);
        self.text(format!("{{{len}{}}}\r\n", if flies { "+" } else { "" }));
        self.flush();
        if !flies {
            self.pieces.push(Piece::AwaitContinuation);
        }
    }

    fn literal(&mut self, literal: Literal) {
        self.literal_head(literal.len());
        match literal {
            Literal::Bytes(bytes) => self.pieces.push(Piece::Bytes(bytes)),
            Literal::Streamed(len) => self.pieces.push(Piece::Streamed(len)),
        }
    }

    /// A quoted string where that is legal and short, else a literal. CR, LF and NUL can never break out of either.
    fn string(&mut self, bytes: &[u8]) {
        let quotable = bytes.len() <= 1000 && bytes.iter().all(|b| (0x20..0x7f).contains(b));
        if quotable {
            self.line.push(b'"');
            for &byte in bytes {
                if matches!(byte, b'"' | b'\\') {
                    self.line.push(b'\\');
                }
                self.line.push(byte);
            }
            self.line.push(b'"');
        } else {
            self.literal(Literal::Bytes(Bytes::copy_from_slice(bytes)));
        }
    }

    fn mailbox(&mut self, name: &MailboxName) {
        self.string(name.as_wire());
    }

    /// The whole header, or the fields of these names: atoms, and strings where a user's name is none.
    fn header_section(&mut self, names: &[String]) {
        if names.is_empty() {
            return self.text("BODY.PEEK[HEADER]");
        }
        self.text("BODY.PEEK[HEADER.FIELDS (");
        for (n, name) in names.iter().enumerate() {
            if n > 0 {
                self.text(" ");
            }
            match is_atom(name) {
                true => self.text(name),
                false => self.string(name.as_bytes()),
            }
        }
        self.text(")]");
    }

    fn status_items(&mut self, items: &[StatusItem]) {
        let names: Vec<_> = items.iter().map(|item| item.name()).collect();
        self.text(format!("({})", names.join(" ")));
    }

    fn uids(&mut self, uids: &Uids) {
        match uids {
            Uids::Set(set) => self.text(set.to_string()),
            Uids::From(first) => self.text(format!("{first}:*")),
        }
    }
}

impl Command {
    /// The command with its tag as pieces to send. AUTHENTICATE carries its initial response where SASL-IR allows.
    pub(crate) fn encode(&mut self, tag: &str, capabilities: &Capabilities) -> Vec<Piece> {
        let mut out = Encoder { capabilities, line: Vec::with_capacity(64), pieces: Vec::with_capacity(4) };
        out.text(tag);
        out.text(" ");
        match self {
            Self::Capability => out.text("CAPABILITY"),
            Self::Noop => out.text("NOOP"),
            Self::Logout => out.text("LOGOUT"),
            Self::StartTls => out.text("STARTTLS"),
            Self::Compress => out.text("COMPRESS DEFLATE"),
            Self::Login { user, password } => {
                out.text("LOGIN ");
                out.string(user.as_bytes());
                out.text(" ");
                out.string(password.reveal().as_bytes());
            }
            Self::Authenticate(exchange) => {
                out.text(format!("AUTHENTICATE {}", exchange.name()));
                if capabilities.has(Capability::SASL_IR)
                    && let Some(initial) = exchange.initial()
                {
                    out.text(" ");
                    out.text(if initial.is_empty() { "=".to_owned() } else { encode_base64(&initial) });
                }
            }
            Self::Id(fields) => {
                let fields: Vec<_> = fields.iter().map(|(k, v)| format!("\"{k}\" \"{v}\"")).collect();
                out.text(format!("ID ({})", fields.join(" ")));
            }
            Self::Namespace => out.text("NAMESPACE"),
            Self::Enable(names) => out.text(format!("ENABLE {}", names.join(" "))),
            Self::List { pattern, returns, status } => {
                out.text("LIST \"\" ");
                out.string(pattern);
                if !returns.is_empty() || !status.is_empty() {
                    out.text(" RETURN (");
                    out.text(returns.join(" "));
                    if !status.is_empty() {
                        out.text(if returns.is_empty() { "STATUS " } else { " STATUS " });
                        out.status_items(status);
                    }
                    out.text(")");
                }
            }
            Self::Lsub => out.text("LSUB \"\" \"*\""),
            Self::Status { mailbox, items } => {
                out.text("STATUS ");
                out.mailbox(mailbox);
                out.text(" ");
                out.status_items(items);
            }
            Self::Create(mailbox) => {
                out.text("CREATE ");
                out.mailbox(mailbox);
            }
            Self::Subscribe(mailbox) => {
                out.text("SUBSCRIBE ");
                out.mailbox(mailbox);
            }
            Self::Select(mailbox) => {
                out.text("SELECT ");
                out.mailbox(mailbox);
            }
            Self::Examine(mailbox) => {
                out.text("EXAMINE ");
                out.mailbox(mailbox);
            }
            Self::UidFetch { uids, items } => {
                out.text("UID FETCH ");
                out.uids(uids);
                match items {
                    FetchItems::Listing => out.text(" (UID FLAGS INTERNALDATE RFC822.SIZE)"),
                    FetchItems::Sizes => out.text(" (UID FLAGS RFC822.SIZE)"),
                    FetchItems::Flags => out.text(" (UID FLAGS)"),
                    FetchItems::Header(names) => {
                        out.text(" (UID ");
                        out.header_section(names);
                        out.text(")");
                    }
                    FetchItems::Full => out.text(" (UID BODY.PEEK[])"),
                    FetchItems::Look(names) => {
                        out.text(" (UID INTERNALDATE RFC822.SIZE ");
                        out.header_section(names);
                        out.text(")");
                    }
                }
            }
            Self::UidChanges { uids, since } => {
                out.text("UID FETCH ");
                out.uids(uids);
                out.text(format!(" (UID FLAGS) (CHANGEDSINCE {since})"));
            }
            Self::UidSearch(uids) => {
                let set = out.capabilities.has(Capability::ESEARCH);
                out.text(if set { "UID SEARCH RETURN (ALL) UID " } else { "UID SEARCH UID " });
                out.uids(uids);
            }
            Self::UidStore { uids, action, flags } => {
                let verb = match action {
                    StoreAction::Add => "+FLAGS.SILENT",
                    StoreAction::Remove => "-FLAGS.SILENT",
                    StoreAction::Replace => "FLAGS.SILENT",
                };
                out.text(format!("UID STORE {uids} {verb} ({})", flags.words().join(" ")));
            }
            Self::UidExpunge(uids) => out.text(format!("UID EXPUNGE {uids}")),
            Self::Expunge => out.text("EXPUNGE"),
            Self::Append(append) => {
                out.text("APPEND ");
                out.mailbox(&append.mailbox);
                for message in append.messages.drain(..) {
                    out.text(" ");
                    if !message.flags.is_empty() {
                        out.text(format!("({}) ", message.flags.words().join(" ")));
                    }
                    if let Some(date) = message.date {
                        out.text(format!("\"{}\" ", date.to_imap()));
                    }
                    out.literal(message.message);
                }
            }
        }
        out.text("\r\n");
        out.flush();
        out.pieces
    }

    /// The command for a log or an error: no secret, no message text.
    pub fn describe(&self) -> String {
        let name = |name: &MailboxName| format!("\"{}\"", name.display());
        match self {
            Self::Login { user, .. } => {
                format!("LOGIN {} ***", crate::imap::text::escape(user.as_bytes(), 100))
            }
            Self::Authenticate(exchange) => format!("AUTHENTICATE {} ***", exchange.name()),
            Self::Create(mailbox) => format!("CREATE {}", name(mailbox)),
            Self::Subscribe(mailbox) => format!("SUBSCRIBE {}", name(mailbox)),
            Self::Select(mailbox) => format!("SELECT {}", name(mailbox)),
            Self::Examine(mailbox) => format!("EXAMINE {}", name(mailbox)),
            Self::Status { mailbox, .. } => format!("STATUS {}", name(mailbox)),
            Self::Append(append) => {
                let literals = append.messages.iter().map(|message| format!(" {:?}", message.message));
                format!("APPEND {}{}", name(&append.mailbox), literals.collect::<String>())
            }
            Self::Capability => "CAPABILITY".into(),
            Self::Noop => "NOOP".into(),
            Self::Logout => "LOGOUT".into(),
            Self::StartTls => "STARTTLS".into(),
            Self::Compress => "COMPRESS".into(),
            Self::Id(_) => "ID".into(),
            Self::Namespace => "NAMESPACE".into(),
            Self::Enable(_) => "ENABLE".into(),
            Self::List { .. } => "LIST".into(),
            Self::Lsub => "LSUB".into(),
            Self::UidFetch { .. } => "UID FETCH".into(),
            Self::UidChanges { .. } => "UID FETCH".into(),
            Self::UidSearch(_) => "UID SEARCH".into(),
            Self::UidStore { .. } => "UID STORE".into(),
            Self::UidExpunge(_) => "UID EXPUNGE".into(),
            Self::Expunge => "EXPUNGE".into(),
        }
    }

    /// Whether its bytes hold a secret and must not be logged.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self, Self::Login { .. } | Self::Authenticate(_))
    }
}

/// Standard base64 with padding, as SASL wants it.
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Base64 as servers send it: padding optional, white space around it ignored.
pub(crate) fn decode_base64(bytes: &[u8]) -> Option<Vec<u8>> {
    use base64::Engine as _;
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&base64::alphabet::STANDARD, config).decode(bytes.trim_ascii()).ok()
}
