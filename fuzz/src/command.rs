//! Commands: whatever goes into one comes out of it where a server reads it, and nothing else with it.

use crate::input::Input;
use crate::reading::{self, Returns, told};
use bytes::Bytes;
use imap_codec::imap_types::command::CommandBody as Body;
use imap_codec::imap_types::core::{AString, IString};
use imap_codec::imap_types::extensions::binary::LiteralOrLiteral8;
use imap_codec::imap_types::fetch::{MacroOrMessageDataItemNames, MessageDataItemName as Item, Section};
use imap_codec::imap_types::flag::{Flag, StoreResponse, StoreType};
use imap_codec::imap_types::mailbox::{ListMailbox, Mailbox};
use imap_codec::imap_types::sequence::{SeqOrUid, Sequence, SequenceSet};
use imapsync_core::imap::capability::Capabilities;
use imapsync_core::imap::command::{
    Append, Command, FetchItems, Literal, NewMessage, StatusItem, StoreAction, Uids,
};
use imapsync_core::imap::date::InternalDate;
use imapsync_core::imap::flag::Flags;
use imapsync_core::imap::flow::{Flow, FlowEvent};
use imapsync_core::imap::frame::Limits;
use imapsync_core::imap::name::MailboxName;
use imapsync_core::imap::sasl::{Exchange, Mechanism, Secret};
use imapsync_core::imap::uidset::UidSet;

const CAPABILITIES: [&str; 4] =
    ["IMAP4rev1", "IMAP4rev1 LITERAL+", "IMAP4rev1 LITERAL-", "IMAP4rev1 LITERAL- SASL-IR"];

const STATUS: [(StatusItem, &str); 5] = [
    (StatusItem::Messages, "MESSAGES"),
    (StatusItem::UidNext, "UIDNEXT"),
    (StatusItem::UidValidity, "UIDVALIDITY"),
    (StatusItem::Size, "SIZE"),
    (StatusItem::HighestModSeq, "HIGHESTMODSEQ"),
];

/// Reads a digit for the command, one for the capabilities, one for a choice within the command; then a name, words,
/// UIDs and a date with a form feed behind each; the rest is a message.
pub fn one(data: &[u8]) {
    let mut input = Input(data);
    let [which, capabilities, choice] = [(); 3].map(|()| input.number());
    let capabilities = CAPABILITIES[usize::from(capabilities) % CAPABILITIES.len()];
    let name = input.until(b'\x0c');
    let words = input.text(b'\x0c');
    let uids = UidSet::parse(input.until(b'\x0c')).filter(|uids| !uids.is_empty());
    let uids = uids.unwrap_or_else(|| UidSet::range(1, 9));
    let date = InternalDate::parse(input.until(b'\x0c'));
    let parts = Parts { name, words, uids, date, choice, message: input.0 };
    parts.check(which % 13, capabilities);
}

/// What goes into a command.
struct Parts<'a> {
    name: &'a [u8],
    words: String,
    uids: UidSet,
    date: Option<InternalDate>,
    choice: u8,
    message: &'a [u8],
}

impl Parts<'_> {
    fn mailbox(&self) -> MailboxName {
        MailboxName::from_wire(self.name)
    }

    fn flags(&self) -> Flags {
        Flags::parse(self.words.split(' '))
    }

    fn header_names(&self) -> Vec<String> {
        self.words.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    fn status(&self) -> Vec<(StatusItem, &'static str)> {
        STATUS
            .into_iter()
            .enumerate()
            .filter(|(n, _)| self.choice >> n & 1 != 0)
            .map(|(_, item)| item)
            .collect()
    }

    /// Sends the command and compares what a server reads.
    fn check(&self, which: u8, capabilities: &str) {
        match which {
            0 => self.login(capabilities),
            1 => self.authenticate(capabilities),
            2 => self.status_of(capabilities),
            3 => self.list(capabilities),
            4 | 5 => self.fetch(capabilities),
            6 => self.store(capabilities),
            7 => self.append(capabilities, false),
            8 => self.append(capabilities, true),
            9 => self.of_uids(capabilities),
            10 => self.plain(capabilities),
            _ => self.of_mailbox(capabilities),
        }
    }

    fn login(&self, capabilities: &str) {
        let user = String::from_utf8_lossy(self.name).into_owned();
        let login = |password: &str| Command::Login { user: user.clone(), password: Secret::new(password) };
        let command = login(&self.words);
        for show in [Command::describe, |command: &Command| format!("{command:?}")] {
            assert_eq!(show(&command), show(&login("another")), "what is shown tells the password");
        }
        let Body::Login { username, password } = sent(command, capabilities, b"") else { panic!() };
        assert_eq!(bytes_of(&username), told(user.as_bytes()));
        assert_eq!(bytes_of(password.declassify()), told(self.words.as_bytes()));
    }

    fn authenticate(&self, capabilities: &str) {
        let user = String::from_utf8_lossy(self.name);
        let Ok(exchange) = Exchange::new(Mechanism::Plain, &user, None, &Secret::new(&*self.words)) else {
            return;
        };
        let said = sent(Command::Authenticate(exchange), capabilities, b"");
        let Body::Authenticate { mechanism, initial_response } = said else { panic!() };
        assert_eq!(mechanism.as_ref(), "PLAIN");
        let response = initial_response.map(|response| response.declassify().to_vec());
        let whole = format!("\0{user}\0{}", self.words).into_bytes();
        assert_eq!(response, capabilities.ends_with("SASL-IR").then_some(whole));
    }

    fn of_mailbox(&self, capabilities: &str) {
        let name = self.mailbox();
        let command = match self.choice % 4 {
            0 => Command::Select(name),
            1 => Command::Examine(name),
            2 => Command::Create(name),
            _ => Command::Subscribe(name),
        };
        let (number, mailbox) = match sent(command, capabilities, b"") {
            Body::Select { mailbox, parameters } if parameters.is_empty() => (0, mailbox),
            Body::Examine { mailbox, parameters } if parameters.is_empty() => (1, mailbox),
            Body::Create { mailbox } => (2, mailbox),
            Body::Subscribe { mailbox } => (3, mailbox),
            other => panic!("{other:?}"),
        };
        assert_eq!(number, self.choice % 4);
        self.same_mailbox(&mailbox);
    }

    fn status_of(&self, capabilities: &str) {
        let mut items = self.status();
        if items.is_empty() {
            items.push(STATUS[0]);
        }
        let command =
            Command::Status { mailbox: self.mailbox(), items: items.iter().map(|(item, _)| *item).collect() };
        let Body::Status { mailbox, item_names } = sent(command, capabilities, b"") else { panic!() };
        self.same_mailbox(&mailbox);
        let names: Vec<_> = item_names.iter().map(|item| format!("{item:?}").to_ascii_uppercase()).collect();
        assert_eq!(names, items.iter().map(|(_, name)| *name).collect::<Vec<_>>());
    }

    fn list(&self, capabilities: &str) {
        let returns: Vec<_> = ["SUBSCRIBED", "SPECIAL-USE"]
            .into_iter()
            .enumerate()
            .filter(|(n, _)| self.choice >> (n + 5) & 1 != 0)
            .map(|(_, word)| word)
            .collect();
        let status = self.status();
        let expected = (!returns.is_empty() || !status.is_empty()).then(|| Returns {
            options: returns.iter().map(|word| (*word).to_owned()).collect(),
            status: status.iter().map(|(_, name)| (*name).to_owned()).collect(),
        });
        let command = Command::List {
            pattern: Bytes::copy_from_slice(self.name),
            returns,
            status: status.into_iter().map(|(item, _)| item).collect(),
        };
        let wire = wire(command, capabilities, b"");
        let said = reading::read(&wire).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(said.returns, expected);
        let Body::List { reference, mailbox_wildcard } = said.command.body else { panic!() };
        assert_eq!(name_of(&reference), b"");
        let pattern = match &mailbox_wildcard {
            ListMailbox::Token(token) => token.as_ref().to_vec(),
            ListMailbox::String(string) => string_of(string),
        };
        assert_eq!(pattern, told(self.name));
    }

    fn fetch(&self, capabilities: &str) {
        let names = self.header_names();
        let items = match self.choice % 6 {
            0 => FetchItems::Listing,
            1 => FetchItems::Header(names.clone()),
            2 => FetchItems::Full,
            3 => FetchItems::Flags,
            4 => FetchItems::Sizes,
            _ => FetchItems::Look(names.clone()),
        };
        let from = self.choice & 8 != 0;
        let first = self.uids.first().unwrap_or(1);
        let asked = if from { Uids::From(first) } else { Uids::Set(self.uids.clone()) };
        let said = sent(Command::UidFetch { uids: asked, items }, capabilities, b"");
        let Body::Fetch { sequence_set, macro_or_item_names, uid: true, modifiers } = said else { panic!() };
        assert!(modifiers.is_empty());
        if from {
            let all = Sequence::Range(SeqOrUid::try_from(first).unwrap(), SeqOrUid::Asterisk);
            assert_eq!(sequence_set, SequenceSet::from(all));
        } else {
            self.same_uids(&sequence_set);
        }
        let MacroOrMessageDataItemNames::MessageDataItemNames(items) = macro_or_item_names else { panic!() };
        let header = match names.is_empty() {
            true => shown(&body(Some(Section::Header(None)))),
            false => fields(names.iter().map(|name| told(name.as_bytes()))),
        };
        let [uid, date, size] = [Item::Uid, Item::InternalDate, Item::Rfc822Size].map(|item| shown(&item));
        let expected = match self.choice % 6 {
            0 => vec![uid, shown(&Item::Flags), date, size],
            1 => vec![uid, header],
            2 => vec![uid, shown(&body(None))],
            3 => vec![uid, shown(&Item::Flags)],
            4 => vec![uid, shown(&Item::Flags), size],
            _ => vec![uid, date, size, header],
        };
        assert_eq!(items.iter().map(shown).collect::<Vec<_>>(), expected);
    }

    fn store(&self, capabilities: &str) {
        let action = if self.choice & 1 == 0 { StoreAction::Add } else { StoreAction::Replace };
        let command = Command::UidStore { uids: self.uids.clone(), action, flags: self.flags() };
        let said = sent(command, capabilities, b"");
        let Body::Store { sequence_set, kind, response, flags, uid: true, modifiers } = said else {
            panic!()
        };
        assert!(modifiers.is_empty() && response == StoreResponse::Silent);
        assert_eq!(kind, if self.choice & 1 == 0 { StoreType::Add } else { StoreType::Replace });
        self.same_uids(&sequence_set);
        self.same_flags(&flags);
    }

    fn of_uids(&self, capabilities: &str) {
        let said = sent(Command::UidExpunge(self.uids.clone()), capabilities, b"");
        let Body::ExpungeUid { sequence_set } = said else { panic!() };
        self.same_uids(&sequence_set);
    }

    fn append(&self, capabilities: &str, streamed: bool) {
        let message = if streamed {
            Literal::Streamed(self.message.len() as u64)
        } else {
            Literal::Bytes(Bytes::copy_from_slice(self.message))
        };
        let message = NewMessage { flags: self.flags(), date: self.date, message };
        let said = sent(Command::Append(Append::one(self.mailbox(), message)), capabilities, self.message);
        let Body::Append { mailbox, flags, date, message } = said else { panic!() };
        self.same_mailbox(&mailbox);
        self.same_flags(&flags);
        let date = date.map(|date| {
            let date = date.as_ref();
            (date.timestamp(), date.offset().local_minus_utc() / 60)
        });
        assert_eq!(date, self.date.map(|date| (date.seconds(), date.offset_minutes().into())));
        let LiteralOrLiteral8::Literal(message) = message else { panic!() };
        assert_eq!(message.data(), told(self.message));
    }

    fn plain(&self, capabilities: &str) {
        let command = match self.choice % 9 {
            0 => Command::Capability,
            1 => Command::Noop,
            2 => Command::Logout,
            3 => Command::StartTls,
            4 => Command::Id(vec![("name", "imapsync"), ("version", "1")]),
            5 => Command::Namespace,
            6 => Command::Enable(vec!["CONDSTORE", "UTF8=ACCEPT"]),
            7 => Command::Lsub,
            _ => Command::Expunge,
        };
        let name = command.describe();
        let said = sent(command, capabilities, b"");
        assert_eq!(said.name().to_ascii_uppercase(), name);
    }

    #[track_caller]
    fn same_mailbox(&self, mailbox: &Mailbox<'_>) {
        assert_eq!(MailboxName::from_wire(name_of(mailbox)), MailboxName::from_wire(told(self.name)));
    }

    #[track_caller]
    fn same_flags(&self, flags: &[Flag<'_>]) {
        let read: Vec<_> = flags.iter().map(Flag::to_string).collect();
        assert_eq!(read, self.flags().words());
    }

    #[track_caller]
    fn same_uids(&self, set: &SequenceSet) {
        let number = |number: &SeqOrUid| match number {
            SeqOrUid::Value(value) => value.get(),
            SeqOrUid::Asterisk => panic!("* in a set of UIDs"),
        };
        let ranges: Vec<_> = set
            .0
            .as_ref()
            .iter()
            .map(|sequence| match sequence {
                Sequence::Single(one) => (number(one), number(one)),
                Sequence::Range(first, last) => (number(first), number(last)),
            })
            .collect();
        assert_eq!(ranges, self.uids.ranges());
    }
}

/// The command as a server reads it.
#[track_caller]
fn sent(command: Command, capabilities: &str, message: &[u8]) -> Body<'static> {
    let wire = wire(command, capabilities, message);
    let said = reading::read(&wire).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(said.returns, None);
    said.command.body
}

/// The bytes of the command, from a server that lets every literal come.
fn wire(command: Command, capabilities: &str, message: &[u8]) -> Vec<u8> {
    let mut flow = Flow::after_starttls(Limits::default());
    *flow.capabilities_mut() = Capabilities::parse(capabilities.split(' ').map(str::as_bytes));
    let described = command.describe();
    assert!(!described.contains(char::is_control), "{described}");
    let id = flow.submit(command);
    let mut wire = Vec::new();
    let mut supplied = false;
    // Each round ends with a literal.
    for _ in 0..10_000 {
        while let Some(output) = flow.poll_output() {
            wire.extend_from_slice(&output.bytes);
        }
        if flow.may_have_been_applied(id) {
            check_literals(&wire, capabilities);
            return wire;
        }
        if let Some(FlowEvent::Ready(_)) = flow.poll_event().expect("nothing was said that could be wrong") {
            assert!(!std::mem::replace(&mut supplied, true));
            message.chunks(7).for_each(|piece| flow.supply(Bytes::copy_from_slice(piece)));
        } else {
            assert!(wire.ends_with(b"}\r\n") && !wire.ends_with(b"+}\r\n"), "waits for nothing");
            flow.feed(b"+ go on\r\n");
        }
    }
    panic!("not sent: {}", wire.escape_ascii())
}

/// A literal that does not wait is one that the server takes so (RFC 7888).
fn check_literals(wire: &[u8], capabilities: &str) {
    let mut rest = wire;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let line = &rest[..=end];
        rest = &rest[end + 1..];
        let Some((len, waits)) = reading::literal(line) else { continue };
        let flies = capabilities.contains("LITERAL+") || capabilities.contains("LITERAL-") && len <= 4096;
        assert_eq!(waits, !flies, "{}", line.escape_ascii());
        rest = &rest[usize::try_from(len).expect("a literal in memory")..];
    }
    assert!(rest.is_empty(), "something behind the end: {}", rest.escape_ascii());
}

fn body(section: Option<Section<'_>>) -> Item<'_> {
    Item::BodyExt { section, partial: None, peek: true }
}

/// An item in a form to compare: names of header fields may be atoms or strings.
fn shown(item: &Item<'_>) -> String {
    match item {
        Item::BodyExt { section: Some(Section::HeaderFields(None, names)), partial: None, peek: true } => {
            fields(names.as_ref().iter().map(bytes_of))
        }
        other => format!("{other:?}"),
    }
}

fn fields(names: impl Iterator<Item = Vec<u8>>) -> String {
    format!("fields {:?}", names.map(|name| name.escape_ascii().to_string()).collect::<Vec<_>>())
}

fn name_of(mailbox: &Mailbox<'_>) -> Vec<u8> {
    match mailbox {
        Mailbox::Inbox => b"INBOX".to_vec(),
        Mailbox::Other(other) => other.as_ref().to_vec(),
    }
}

fn bytes_of(text: &AString<'_>) -> Vec<u8> {
    text.as_ref().to_vec()
}

fn string_of(text: &IString<'_>) -> Vec<u8> {
    text.as_ref().to_vec()
}
