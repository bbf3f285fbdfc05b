//! The flags that source messages had when they were last synced: the base of a merge.

use super::Recall;
use crate::error::Side;
use crate::imap::flag::Flags;
use crate::state::Known;
use crate::sync::survey::Row;
use crate::sync::work::{Job, Target};
use std::collections::HashMap;

impl Recall {
    /// The remembered flags of these messages, by source UID; of pairs, source first, ascending. One that was paired with
    /// another copy has none, nor one that is not what it was. That a run may delete is no reason not to ask: only flags
    /// depend on it.
    pub(in crate::sync) async fn base(
        &self,
        job: &Job,
        target: &Target,
        pairs: &[(u32, u32)],
    ) -> HashMap<u32, Flags> {
        let remembered = self.mailboxes.get(&(Side::Source, job.source.clone())).filter(|one| {
            one.uid_validity == job.listing.uid_validity && one.pair.as_ref() == Some(&target.name)
        });
        if remembered.is_none() || pairs.is_empty() {
            return HashMap::new();
        }
        let known = self.messages(Side::Source, &job.source).await.unwrap_or_default();
        let base = known.into_iter().filter_map(|one| {
            let at = pairs.binary_search_by_key(&one.uid, |(uid, _)| *uid).ok()?;
            let same = one.partner.is_none_or(|partner| partner == pairs[at].1)
                && job.listing.row(one.uid).is_some_and(|row| is_same(&one, row));
            Some((one.uid, one.flags.filter(|_| same)?))
        });
        base.collect()
    }
}

fn is_same(was: &Known, row: &Row) -> bool {
    let seconds = |date: &crate::imap::date::InternalDate| date.seconds();
    was.size == row.size && was.date.as_ref().map(seconds) == row.date.as_ref().map(seconds)
}
