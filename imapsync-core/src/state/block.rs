//! A block of messages as bytes: self-contained, small, and each content in one form only.
//!
//! ```text
//! version 1 · number of the block · rows · sets of flags, each a byte of system flags and its keywords · rows
//! row: what follows · gap · size · set of flags · partner · date · zone · key · Message-Id hash
//! ```
//!
//! Numbers are small because each is told by what was to be expected after the row before: the next UID, the same flags,
//! the next partner, a date near by in the same zone. What comes as expected is left out.

use super::bytes::{Reader, put_bytes, put_number, put_signed};
use super::record::{Known, KnownIdentity};
use super::sum::BlockSum;
use crate::imap::date::InternalDate;
use crate::imap::flag::{Flags, SystemFlags};
use crate::message::{Identity, Key};
use std::collections::HashMap;

const VERSION: u8 = 1;

/// The two bits that say what the row is known by.
const IDENTITY: u8 = 0x03;
const UNKNOWN: u8 = 0;
const WITH_ID: u8 = 1;
const WITHOUT_ID: u8 = 2;
const AS_PARTNER: u8 = 3;
/// What else is in a row.
const GAP: u8 = 0x04;
const FLAGS: u8 = 0x08;
const PARTNER: u8 = 0x10;
const PARTNER_GAP: u8 = 0x20;
const DATE: u8 = 0x40;
const ZONE: u8 = 0x80;

/// What is expected of the next row.
struct Expected {
    uid: u32,
    /// 0: unreadable; otherwise one more than the place in the table.
    flags: u64,
    partner: u32,
    seconds: i64,
    zone: i16,
}

impl Expected {
    fn new(number: u32) -> Self {
        Self { uid: *BlockSum::range(number).start(), flags: 0, partner: 1, seconds: 0, zone: 0 }
    }
}

/// The bytes of rows that ascend by UID and all stand in the block with this number.
pub(super) fn encode(number: u32, rows: &[Known]) -> Vec<u8> {
    // A spelling is kept, so flags that differ in nothing else are two sets here.
    let mut places: HashMap<Vec<u8>, u64> = HashMap::new();
    let mut table = Vec::new();
    let mut body = Vec::new();
    let mut expected = Expected::new(number);
    for row in rows {
        let flags = row.flags.as_ref().map_or(0, |flags| {
            let next = places.len() as u64 + 1;
            *places.entry(encode_flags(flags)).or_insert_with_key(|set| {
                table.extend_from_slice(set);
                next
            })
        });
        encode_row(&mut body, &mut expected, row, flags);
    }
    let mut out = vec![VERSION];
    put_number(&mut out, number.into());
    put_number(&mut out, rows.len() as u64);
    put_number(&mut out, places.len() as u64);
    out.extend_from_slice(&table);
    out.extend_from_slice(&body);
    out
}

fn encode_flags(flags: &Flags) -> Vec<u8> {
    let mut out = vec![flags.system().bits()];
    flags.keywords().for_each(|keyword| put_bytes(&mut out, keyword.as_bytes()));
    // No keyword is empty.
    put_bytes(&mut out, b"");
    out
}

fn encode_row(out: &mut Vec<u8>, expected: &mut Expected, row: &Known, flags: u64) {
    let at = out.len();
    out.push(0);
    let mut head = match row.identity {
        KnownIdentity::Unknown => UNKNOWN,
        KnownIdentity::Of(identity) if identity.message_id != 0 => WITH_ID,
        KnownIdentity::Of(_) => WITHOUT_ID,
        KnownIdentity::AsPartner => AS_PARTNER,
    };
    if row.uid != expected.uid {
        head |= GAP;
        put_number(out, row.uid.wrapping_sub(expected.uid).into());
    }
    expected.uid = row.uid.wrapping_add(1);
    put_number(out, row.size);
    if flags != expected.flags {
        head |= FLAGS;
        put_number(out, flags);
        expected.flags = flags;
    }
    if let Some(partner) = row.partner {
        head |= PARTNER;
        if partner != expected.partner {
            head |= PARTNER_GAP;
            put_signed(out, i64::from(partner) - i64::from(expected.partner));
        }
        expected.partner = partner.wrapping_add(1);
    }
    if let Some(date) = row.date {
        head |= DATE;
        put_signed(out, date.seconds().wrapping_sub(expected.seconds));
        expected.seconds = date.seconds();
        if date.offset_minutes() != expected.zone {
            head |= ZONE;
            put_signed(out, date.offset_minutes().into());
            expected.zone = date.offset_minutes();
        }
    }
    if let KnownIdentity::Of(identity) = row.identity {
        out.extend_from_slice(&identity.key.0);
        if identity.message_id != 0 {
            out.extend_from_slice(&identity.message_id.to_be_bytes());
        }
    }
    if let Some(first) = out.get_mut(at) {
        *first = head;
    }
}

/// The rows, ascending by UID; None for bytes that no rows have.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<Known>> {
    let mut reader = Reader::new(bytes);
    let version = reader.byte()?;
    let number = reader.number32()?;
    let (count, sets) = (reader.number()?, reader.number()?);
    let mut table = Vec::new();
    for _ in 0..sets {
        table.push(decode_flags(&mut reader)?);
    }
    let mut expected = Expected::new(number);
    // No row has less than two bytes, whatever the count says.
    let mut rows = Vec::with_capacity(usize::try_from(count).ok()?.min(reader.len() / 2));
    for _ in 0..count {
        let row = decode_row(&mut reader, &mut expected, &table)?;
        if BlockSum::number(row.uid) != number {
            return None;
        }
        rows.push(row);
    }
    reader.end()?;
    // One content has one form: whatever was written otherwise was not written by us.
    (version == VERSION && !rows.is_empty() && encode(number, &rows) == bytes).then_some(rows)
}

fn decode_flags(reader: &mut Reader<'_>) -> Option<Flags> {
    let system = SystemFlags::from_bits(reader.byte()?)?;
    let mut words = Vec::new();
    loop {
        match std::str::from_utf8(reader.bytes()?).ok()? {
            "" => break,
            word => words.push(word),
        }
    }
    let mut flags = Flags::parse(words);
    flags.set_system(flags.system() | system);
    Some(flags)
}

fn decode_row(reader: &mut Reader<'_>, expected: &mut Expected, table: &[Flags]) -> Option<Known> {
    let head = reader.byte()?;
    let gap = if head & GAP == 0 { 0 } else { reader.number32()? };
    let uid = expected.uid.checked_add(gap)?;
    // The one UID after which none follows: 0 then never stands in this block.
    expected.uid = uid.wrapping_add(1);
    let size = reader.number()?;
    if head & FLAGS != 0 {
        expected.flags = reader.number()?;
    }
    let flags = match usize::try_from(expected.flags).ok()?.checked_sub(1) {
        None => None,
        Some(place) => Some(table.get(place)?.clone()),
    };
    let partner = if head & PARTNER == 0 {
        None
    } else {
        let gap = if head & PARTNER_GAP == 0 { 0 } else { reader.signed()? };
        let partner = u32::try_from(i64::from(expected.partner).checked_add(gap)?).ok()?;
        expected.partner = partner.wrapping_add(1);
        Some(partner)
    };
    let date = if head & DATE == 0 {
        None
    } else {
        expected.seconds = expected.seconds.checked_add(reader.signed()?)?;
        if head & ZONE != 0 {
            expected.zone = reader.signed()?.try_into().ok()?;
        }
        Some(InternalDate::new(expected.seconds, expected.zone))
    };
    let identity = match head & IDENTITY {
        UNKNOWN => KnownIdentity::Unknown,
        AS_PARTNER => KnownIdentity::AsPartner,
        with => {
            let key = Key(reader.array()?);
            let message_id = if with == WITH_ID { u64::from_be_bytes(reader.array()?) } else { 0 };
            KnownIdentity::Of(Identity { key, message_id })
        }
    };
    Some(Known { uid, size, flags, date, identity, partner })
}

#[cfg(test)]
mod tests;
