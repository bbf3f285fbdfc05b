//! Numbers and strings as bytes, and the seal behind them that tells bytes of one's own from all others.

use super::record::AccountPair;
use crate::error::Side;
use crate::imap::name::MailboxName;

/// 128 bits of BLAKE3.
pub(super) fn hash128(bytes: &[u8]) -> [u8; 16] {
    first16(blake3::hash(bytes))
}

fn first16(hash: blake3::Hash) -> [u8; 16] {
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// Seven bits at a time, the lowest first.
pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Small numbers of either sign in few bytes: 0, -1, 1, -2, …
pub(super) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put_number(out, ((number << 1) ^ (number >> 63)) as u64);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Takes from bytes what was put there; None for what no `put_` writes. Nothing is allocated for lengths that are
/// claimed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Bytes that are left.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                // The same number has no second form.
                return (byte != 0 || shift == 0).then_some(number);
            }
        }
        None
    }

    pub(super) fn number32(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    /// Some where nothing is left.
    pub(super) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// Where the keys come from: a record of another pair of accounts, or of another mailbox, has another seal.
#[derive(Debug, Clone)]
pub(super) struct Keys([u8; 32]);

impl Keys {
    pub(super) fn new(pair: &AccountPair) -> Self {
        Self(blake3::derive_key("imapsync 2026-11 state of a pair of accounts", &pair.bytes()))
    }

    /// For one mailbox.
    pub(super) fn mailbox(&self, side: Side, name: &MailboxName) -> Seal {
        Seal(*blake3::keyed_hash(&self.0, &[&[side.number()], name.as_wire()].concat()).as_bytes())
    }

    /// For what belongs to no mailbox.
    pub(super) fn pair(&self) -> Seal {
        Seal(*blake3::keyed_hash(&self.0, &[0]).as_bytes())
    }
}

/// What the sealed bytes are, so that none passes for another.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Mailbox = 1,
    Sum = 2,
    Rows = 3,
    Intent = 4,
}

/// Makes and checks seals: 16 bytes of keyed BLAKE3. They keep out damage and confusion, not an enemy.
#[derive(Debug, Clone)]
pub(super) struct Seal([u8; 32]);

impl Seal {
    const LENGTH: usize = 16;

    fn of(&self, kind: Kind, bytes: &[u8]) -> [u8; Self::LENGTH] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&[kind as u8]).update(bytes);
        first16(hasher.finalize())
    }

    /// The bytes with their seal.
    pub(super) fn close(&self, kind: Kind, mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.extend_from_slice(&self.of(kind, &bytes));
        bytes
    }

    /// The bytes without their seal; None where it is not theirs.
    pub(super) fn open<'a>(&self, kind: Kind, sealed: &'a [u8]) -> Option<&'a [u8]> {
        let (bytes, seal) = sealed.split_at_checked(sealed.len().checked_sub(Self::LENGTH)?)?;
        (self.of(kind, bytes) == seal).then_some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers(number: u64, signed: i64, shift in 0..64u32) {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number >> shift);
            put_signed(&mut bytes, signed >> shift);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.number(), Some(number >> shift));
            prop_assert_eq!(reader.signed(), Some(signed >> shift));
            prop_assert_eq!(reader.end(), Some(()));
        }

        #[test]
        fn a_number_has_one_form(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut reader = Reader::new(&bytes);
            if let Some(number) = reader.number() {
                let mut again = Vec::new();
                put_number(&mut again, number);
                prop_assert_eq!(&again[..], &bytes[..bytes.len() - reader.len()]);
            }
        }
    }

    /// The bytes as the format's definition gives them, by hand.
    #[test]
    fn small_and_large() {
        for (number, expected) in [(0, &[0][..]), (127, &[127]), (128, &[0x80, 1]), (300, &[0xac, 2])] {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number);
            assert_eq!(bytes, expected);
        }
        for (number, expected) in [(0, 0), (-1, 1), (1, 2), (-2, 3), (63, 126), (-64, 127)] {
            let mut bytes = Vec::new();
            put_signed(&mut bytes, number);
            assert_eq!(bytes, [expected]);
        }
        assert_eq!(Reader::new(&[0xff; 10]).number(), None);
        assert_eq!(Reader::new(&[0x80, 0]).number(), None);
        assert_eq!(
            Reader::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).number(),
            Some(u64::MAX)
        );
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).number(), None);
        assert_eq!(
            Reader::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3]).bytes(),
            None
        );
    }
}
