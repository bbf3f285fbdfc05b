//! Copies that an earlier run has made or found: pairs before anything is compared.

use super::matching::{How, Listed, Pair};
use std::collections::HashSet;

/// Pairs messages with the copies that are remembered of them, where both are there still; gives what is left of both sides for
/// [`match_folder`](super::match_folder), and the pairs. A copy is that of one message. `partners`: UIDs of messages and of
/// their copies, ascending.
pub fn pair_remembered(
    mut source: Vec<Listed>,
    mut destination: Vec<Listed>,
    partners: &[(u32, u32)],
) -> (Vec<Listed>, Vec<Listed>, Vec<Pair>) {
    if partners.is_empty() {
        return (source, destination, Vec::new());
    }
    let there: HashSet<u32> = destination.iter().map(|listed| listed.uid).collect();
    let mut taken: HashSet<u32> = HashSet::new();
    let mut pairs = Vec::new();
    source.retain(|listed| {
        let at = partners.binary_search_by_key(&listed.uid, |(uid, _)| *uid);
        let partner = at.ok().and_then(|at| partners.get(at)).map(|(_, partner)| *partner);
        let partner = partner.filter(|partner| there.contains(partner) && taken.insert(*partner));
        let how = How::Remembered;
        pairs.extend(partner.map(|destination| Pair { source: listed.uid, destination, how }));
        partner.is_none()
    });
    destination.retain(|listed| !taken.contains(&listed.uid));
    (source, destination, pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::IdentityRules;

    #[test]
    fn what_is_remembered_is_paired_where_both_are_there() {
        let listed = |uid| Listed {
            uid,
            size: 1,
            identity: IdentityRules::default().from_message(b"Message-Id: <a>\n\n"),
            flags: 0,
        };
        // source, destination, partners; pairs, what is left here and there
        type Row<'a> = (&'a [u32], &'a [u32], &'a [(u32, u32)], &'a [(u32, u32)], &'a [u32], &'a [u32]);
        let table: [Row<'_>; 6] = [
            (&[1, 2], &[7, 8], &[], &[], &[1, 2], &[7, 8]),
            (&[1, 2], &[7, 8], &[(1, 8), (2, 7)], &[(1, 8), (2, 7)], &[], &[]),
            // Gone from the destination, gone from the source.
            (&[1, 2], &[8], &[(1, 8), (2, 7)], &[(1, 8)], &[2], &[]),
            (&[2], &[7, 8], &[(1, 8), (2, 7)], &[(2, 7)], &[], &[8]),
            // New on either side.
            (&[1, 3], &[8, 9], &[(1, 8)], &[(1, 8)], &[3], &[9]),
            // One copy cannot be that of two messages.
            (&[1, 2], &[8], &[(1, 8), (2, 8)], &[(1, 8)], &[2], &[]),
        ];
        for (here, there, partners, expected, left_here, left_there) in table {
            let listing = |uids: &[u32]| uids.iter().map(|uid| listed(*uid)).collect::<Vec<_>>();
            let (source, destination, pairs) = pair_remembered(listing(here), listing(there), partners);
            let uids = |listing: &[Listed]| listing.iter().map(|one| one.uid).collect::<Vec<_>>();
            let found: Vec<(u32, u32)> = pairs.iter().map(|pair| (pair.source, pair.destination)).collect();
            assert_eq!(found, expected, "{here:?} {there:?} {partners:?}");
            assert_eq!((uids(&source).as_slice(), uids(&destination).as_slice()), (left_here, left_there));
            assert!(pairs.iter().all(|pair| pair.how == How::Remembered));
        }
    }
}
