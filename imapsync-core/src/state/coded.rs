//! Records and blocks with their seals: what both stores keep, and how it is checked when it is read.
//!
//! A mailbox's record holds a digest over the sums of its blocks, and each sum the seal of its rows: an old block beside new
//! ones, or one that is missing, is noticed.

use super::block;
use super::bytes::{Keys, Kind, Reader, Seal, hash128, put_bytes, put_number, put_signed};
use super::record::{IntendedMessage, Intent, Known, Mailbox, Summary};
use super::sum::{BlockSum, BlockSums, FlagsDigest};
use crate::error::{Error, ErrorKind, Side};
use crate::imap::date::InternalDate;
use crate::imap::name::MailboxName;
use crate::message::{Identity, Key};
use crate::plan::{Tally, TallyBytes};

const VERSION: u8 = 1;

/// Over the sums of all blocks of a mailbox, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Root([u8; 16]);

/// Adds up sealed sums to their root.
#[derive(Debug, Default)]
pub(super) struct RootHash(blake3::Hasher);

impl RootHash {
    pub(super) fn add(&mut self, sum: &[u8]) {
        self.0.update(&(sum.len() as u64).to_be_bytes()).update(sum);
    }

    pub(super) fn root(&self) -> Root {
        let hash = self.0.finalize();
        Root(hash.as_bytes().first_chunk().copied().unwrap_or_default())
    }
}

/// One block, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CodedBlock {
    pub(super) number: u32,
    pub(super) sum: Vec<u8>,
    pub(super) rows: Vec<u8>,
}

/// Codes rows block by block: the unit that is written, and that is recognised as unchanged.
///
/// # Errors
///
/// In place of a block whose rows do not ascend by UID, or one of which has none.
pub(super) fn code_rows<'a>(
    seal: &'a Seal,
    rows: impl Iterator<Item = Known> + Send + 'a,
) -> impl Iterator<Item = Result<CodedBlock, Error>> + Send + 'a {
    let mut rows = rows.peekable();
    let (mut block, mut last) = (Vec::new(), 0);
    std::iter::from_fn(move || {
        let number = BlockSum::number(rows.peek()?.uid);
        block.clear();
        while let Some(row) = rows.next_if(|row| BlockSum::number(row.uid) == number) {
            if row.uid <= last {
                let text = "messages to be remembered are not in the order of their UIDs";
                return Some(Err(Error::new(ErrorKind::State, text)));
            }
            last = row.uid;
            block.push(row);
        }
        let sum = sum_of(&block)?;
        let rows = seal.close(Kind::Rows, block::encode(number, &block));
        Some(Ok(CodedBlock { number, sum: code_sum(seal, &sum, &rows), rows }))
    })
}

/// The sum of the rows of one block.
fn sum_of(rows: &[Known]) -> Option<BlockSum> {
    let mut sums = BlockSums::default();
    rows.iter().for_each(|row| sums.add(row.uid, row.flags.as_ref()));
    sums.finish().pop()
}

fn code_sum(seal: &Seal, sum: &BlockSum, rows: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for number in [sum.first, sum.last, sum.messages] {
        put_number(&mut out, number.into());
    }
    out.extend_from_slice(&sum.flags.0);
    // Which rows it is the sum of.
    out.extend_from_slice(&hash128(rows));
    seal.close(Kind::Sum, out)
}

/// A sum, and the hash of the rows it is of.
fn read_sum(seal: &Seal, bytes: &[u8]) -> Option<(BlockSum, [u8; 16])> {
    let mut reader = Reader::new(seal.open(Kind::Sum, bytes)?);
    let sum = BlockSum {
        first: reader.number32()?,
        last: reader.number32()?,
        messages: reader.number32()?,
        flags: FlagsDigest(reader.array()?),
    };
    let rows = reader.array()?;
    reader.end()?;
    Some((sum, rows))
}

/// Reads the blocks of a mailbox, in order, and checks that they are all of it and nothing else.
pub(super) struct Reading<'a> {
    seal: &'a Seal,
    root: RootHash,
    sums: Vec<BlockSum>,
    rows: Vec<Known>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(seal: &'a Seal) -> Self {
        Self { seal, root: RootHash::default(), sums: Vec::new(), rows: Vec::new() }
    }

    /// Takes the next block, with its rows where they are wanted.
    ///
    /// # Errors
    ///
    /// Where it is damaged.
    pub(super) fn add(&mut self, sum: &[u8], rows: Option<&[u8]>) -> Result<(), Error> {
        self.try_add(sum, rows).ok_or_else(damaged)
    }

    fn try_add(&mut self, sum: &[u8], rows: Option<&[u8]>) -> Option<()> {
        self.root.add(sum);
        let (sum, hash) = read_sum(self.seal, sum)?;
        if let Some(rows) = rows {
            let decoded = block::decode(self.seal.open(Kind::Rows, rows)?)?;
            if hash128(rows) != hash || sum_of(&decoded) != Some(sum) {
                return None;
            }
            self.rows.extend(decoded);
        }
        self.sums.push(sum);
        Some(())
    }

    /// The sums and the rows.
    ///
    /// # Errors
    ///
    /// Where a block is missing, or stems from another time than the mailbox.
    pub(super) fn finish(self, root: Root) -> Result<(Vec<BlockSum>, Vec<Known>), Error> {
        let ascending =
            self.sums.iter().zip(self.sums.iter().skip(1)).all(|(one, next)| one.last < next.first);
        if ascending && self.root.root() == root { Ok((self.sums, self.rows)) } else { Err(damaged()) }
    }
}

/// The error for what does not pass its checks.
pub(super) fn damaged() -> Error {
    Error::new(ErrorKind::State, "what earlier runs have remembered of this folder is damaged")
}

/// The error for a mailbox of which nothing is known.
pub(super) fn unknown() -> Error {
    Error::new(ErrorKind::State, "nothing is remembered of this folder")
}

/// The error for a store that was not opened.
pub(super) fn closed() -> Error {
    Error::new(ErrorKind::State, "the state is not open")
}

/// A mailbox's record.
pub(super) fn code_mailbox(keys: &Keys, mailbox: &Mailbox, root: Root) -> Vec<u8> {
    let mut out = vec![VERSION, mailbox.side.number()];
    put_bytes(&mut out, mailbox.name.as_wire());
    put_number(&mut out, mailbox.uid_validity.into());
    put_number(&mut out, mailbox.uid_next.into());
    put_number(&mut out, mailbox.messages.into());
    out.push(mailbox.settled.into());
    out.push(mailbox.highest_modseq.is_some().into());
    put_number(&mut out, mailbox.highest_modseq.unwrap_or_default());
    out.push(mailbox.pair.is_some().into());
    put_bytes(&mut out, mailbox.pair.as_ref().map_or(b"", |pair| pair.as_wire()));
    code_summary(&mut out, mailbox.summary);
    out.extend_from_slice(&root.0);
    keys.mailbox(mailbox.side, &mailbox.name).close(Kind::Mailbox, out)
}

/// A mailbox from its record; None where that is damaged.
pub(super) fn read_mailbox(keys: &Keys, bytes: &[u8]) -> Option<(Mailbox, Root)> {
    let mut reader = Reader::new(bytes);
    let _version = reader.byte()?;
    let side = match reader.byte()? {
        1 => Side::Source,
        2 => Side::Destination,
        _ => return None,
    };
    let name = MailboxName::from_wire(reader.bytes()?);
    keys.mailbox(side, &name).open(Kind::Mailbox, bytes)?;
    let (uid_validity, uid_next, messages) = (reader.number32()?, reader.number32()?, reader.number32()?);
    let settled = reader.byte()? != 0;
    let (with, modseq) = (reader.byte()? != 0, reader.number()?);
    let highest_modseq = with.then_some(modseq);
    let (with, pair) = (reader.byte()? != 0, reader.bytes()?);
    let pair = with.then(|| MailboxName::from_wire(pair));
    let summary = read_summary(&mut reader)?;
    let root = Root(reader.array()?);
    let mailbox =
        Mailbox { side, name, uid_validity, uid_next, highest_modseq, messages, settled, pair, summary };
    // One content has one form.
    (code_mailbox(keys, &mailbox, root) == bytes).then_some((mailbox, root))
}

fn code_summary(out: &mut Vec<u8>, summary: Summary) {
    let Summary { tally, bytes, duplicates, unmatched } = summary;
    let Tally { copied, already_there, duplicates: doubles, vanished, skipped, failed, bytes: of } = tally;
    for (messages, bytes) in [
        (copied, of.copied),
        (already_there, of.already_there),
        (doubles, of.duplicates),
        (vanished, of.vanished),
        (skipped, of.skipped),
        (failed, of.failed),
    ] {
        put_number(out, messages);
        put_number(out, bytes);
    }
    [bytes, duplicates, unmatched].into_iter().for_each(|number| put_number(out, number));
}

fn read_summary(reader: &mut Reader<'_>) -> Option<Summary> {
    let mut tally = Tally::default();
    let TallyBytes { copied, already_there, duplicates, vanished, skipped, failed } = &mut tally.bytes;
    for (messages, bytes) in [
        (&mut tally.copied, copied),
        (&mut tally.already_there, already_there),
        (&mut tally.duplicates, duplicates),
        (&mut tally.vanished, vanished),
        (&mut tally.skipped, skipped),
        (&mut tally.failed, failed),
    ] {
        *messages = reader.number()?;
        *bytes = reader.number()?;
    }
    Some(Summary {
        tally,
        bytes: reader.number()?,
        duplicates: reader.number()?,
        unmatched: reader.number()?,
    })
}

/// An intent's record.
pub(super) fn code_intent(keys: &Keys, intent: &Intent) -> Vec<u8> {
    let mut out = vec![VERSION];
    put_bytes(&mut out, intent.source.as_wire());
    put_bytes(&mut out, intent.destination.as_wire());
    put_number(&mut out, intent.destination_uid_validity.into());
    put_number(&mut out, intent.destination_uid_next.into());
    put_number(&mut out, intent.messages.len() as u64);
    for message in &intent.messages {
        put_number(&mut out, message.uid.into());
        put_number(&mut out, message.size);
        out.push(u8::from(message.date.is_some()) | u8::from(message.identity.is_some()) << 1);
        if let Some(date) = message.date {
            put_signed(&mut out, date.seconds());
            put_signed(&mut out, date.offset_minutes().into());
        }
        if let Some(identity) = message.identity {
            out.extend_from_slice(&identity.key.0);
            out.extend_from_slice(&identity.message_id.to_be_bytes());
        }
    }
    keys.pair().close(Kind::Intent, out)
}

/// An intent from its record; None where that is damaged.
pub(super) fn read_intent(keys: &Keys, bytes: &[u8]) -> Option<Intent> {
    let mut reader = Reader::new(keys.pair().open(Kind::Intent, bytes)?);
    let _version = reader.byte()?;
    let source = MailboxName::from_wire(reader.bytes()?);
    let destination = MailboxName::from_wire(reader.bytes()?);
    let (destination_uid_validity, destination_uid_next) = (reader.number32()?, reader.number32()?);
    let count = reader.number()?;
    let mut messages = Vec::new();
    for _ in 0..count {
        messages.push(read_intended(&mut reader)?);
    }
    reader.end()?;
    let intent = Intent { source, destination, destination_uid_validity, destination_uid_next, messages };
    (code_intent(keys, &intent) == bytes).then_some(intent)
}

fn read_intended(reader: &mut Reader<'_>) -> Option<IntendedMessage> {
    let (uid, size, with) = (reader.number32()?, reader.number()?, reader.byte()?);
    let date = match with & 1 {
        0 => None,
        _ => Some(InternalDate::new(reader.signed()?, reader.signed()?.try_into().ok()?)),
    };
    let identity = match with & 2 {
        0 => None,
        _ => Some(Identity { key: Key(reader.array()?), message_id: u64::from_be_bytes(reader.array()?) }),
    };
    Some(IntendedMessage { uid, size, date, identity })
}
