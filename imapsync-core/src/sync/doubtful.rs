//! Before deletes: folders in which none may act, because what is known of them may be an illusion.
//!
//! Source and target may be one and the same folder, under two host names even: its messages are each other's only copies.
//! And after a reconnection another backend may answer, a replica or a restored store, with fewer messages than were known:
//! what was acknowledged may be gone, what is missing in the listing may exist.

use super::apply::is_one_folder;
use super::discover::Account as Found;
use super::link::Link;
use super::quiet::look;
use super::run::Run;
use super::survey::Listing;
use super::work::{Job, State, Target, Work};
use crate::error::{Error, ErrorKind, Side};
use crate::imap::name::MailboxName;
use crate::options::Delete1;

impl Run {
    /// Finds the folders, tells why, and marks them.
    ///
    /// # Errors
    ///
    /// Only what ends the run.
    pub(super) async fn forbid_deletes(
        &mut self,
        source: &Found,
        destination: &Found,
        work: &mut Work,
    ) -> Result<(), Error> {
        let asks = self.options.deletes_on_source() && !self.options.dry;
        for job in &mut work.jobs {
            let target = &mut work.targets[job.target];
            if !may_be_one(job, target) {
                continue;
            }
            if !asks || is_one_folder(&mut self.source, &mut self.destination, job, target).await? {
                (job.no_deletes, target.no_deletes) = (true, true);
                let text = format!(
                    "nothing is deleted: the folder and {} on the destination seem to be one and the same",
                    target.text
                );
                let error = Error::new(ErrorKind::Delete, text)
                    .on(Side::Source)
                    .in_folder(&*job.source_text)
                    .hint("they have the same UIDVALIDITY, and the same messages under the same UIDs");
                work.ledger.fail(error);
            }
        }
        self.forbid_without_uid_validity(work);
        let known: Vec<Known> = work.jobs.iter().map(|job| Known::of_source(job, source)).collect();
        for at in shrunk(&mut self.source, &known).await? {
            let job = &mut work.jobs[at];
            (job.no_deletes, work.targets[job.target].no_deletes) = (true, true);
            work.ledger.fail(less(Side::Source, &job.source_text));
        }
        let known: Vec<Known> =
            (0..work.targets.len()).map(|at| Known::of_destination(at, work, destination)).collect();
        for at in shrunk(&mut self.destination, &known).await? {
            let target = &mut work.targets[at];
            target.no_deletes = true;
            work.ledger.fail(less(Side::Destination, &target.text));
        }
        Ok(())
    }
}

impl Run {
    /// Without UIDVALIDITY nobody can tell whether a UID means the same message in the next session (RFC 9051 section 2.3.1.1):
    /// nothing is deleted by it.
    fn forbid_without_uid_validity(&self, work: &mut Work) {
        let mut tell = |side, folder: &str| {
            let text = "nothing is deleted: the server does not tell the folder's UIDVALIDITY";
            work.ledger.fail(Error::new(ErrorKind::Delete, text).on(side).in_folder(folder));
        };
        let unknown = |listing: &Listing| listing.uid_validity == 0 && !listing.rows.is_empty();
        if self.options.delete1 != Delete1::No || self.options.expunge1 {
            for job in work.jobs.iter_mut().filter(|job| unknown(&job.listing)) {
                job.no_deletes = true;
                tell(Side::Source, &job.source_text);
            }
        }
        if self.options.delete2 {
            for target in work.targets.iter_mut().filter(|target| unknown(&target.listing)) {
                target.no_deletes = true;
                tell(Side::Destination, &target.text);
            }
        }
    }
}

/// Whether both may be one folder: few others have all this in common, such as a replica, or folders that were made and filled
/// within one second.
fn may_be_one(job: &Job, target: &Target) -> bool {
    let uid_validity = job.listing.uid_validity;
    uid_validity != 0
        && uid_validity == target.listing.uid_validity
        && !job.pairs.is_empty()
        && job.pairs.iter().all(|pair| pair.source == pair.destination)
}

fn less(side: Side, folder: &str) -> Error {
    let text = "nothing is deleted: since the connection was lost the server shows fewer messages than it had before";
    Error::new(ErrorKind::Delete, text).on(side).in_folder(folder)
}

/// What a folder must at least hold still.
struct Known {
    name: MailboxName,
    uid_next: u32,
    messages: u32,
    /// It was less already when it was listed.
    less: bool,
}

impl Known {
    /// From the listing, and from the STATUS at the beginning: the connection may have been lost in between.
    fn new(name: &MailboxName, listing: &Listing, account: &Found) -> Self {
        let status =
            account.status.get(name).filter(|status| status.uid_validity == Some(listing.uid_validity));
        let (first, count) = status.map_or((0, 0), |status| {
            (status.uid_next.unwrap_or_default(), status.messages.unwrap_or_default())
        });
        let less = listing.uid_next != 0 && listing.uid_next < first || listing.exists < count;
        Self { name: name.clone(), uid_next: listing.uid_next, messages: listing.exists, less }
    }

    fn of_source(job: &Job, account: &Found) -> Self {
        let mut known = Self::new(&job.source, &job.listing, account);
        let gone = job.states.iter().filter(|state| **state == State::Gone).count();
        known.messages = known.messages.saturating_sub(u32::try_from(gone).unwrap_or(u32::MAX));
        known
    }

    /// Each copy has taken a UID.
    fn of_destination(at: usize, work: &Work, account: &Found) -> Self {
        let target = &work.targets[at];
        let mut known = Self::new(&target.name, &target.listing, account);
        let copied: u64 = work.jobs.iter().filter(|job| job.target == at).map(|job| job.tally.copied).sum();
        let copied = if work.ledger.report.dry { 0 } else { u32::try_from(copied).unwrap_or(u32::MAX) };
        known.messages = known.messages.saturating_add(copied);
        if known.uid_next != 0 {
            known.uid_next = known.uid_next.saturating_add(copied);
        }
        known
    }
}

/// Which of the folders hold less than is known of them. Without a reconnection nobody is suspected: somebody else may
/// delete as well.
async fn shrunk(link: &mut Link, known: &[Known]) -> Result<Vec<usize>, Error> {
    if link.reconnections == 0 {
        return Ok(Vec::new());
    }
    let names: Vec<&MailboxName> = known.iter().map(|known| &known.name).collect();
    let now = look(link, &names).await?;
    let less = |known: &Known, now: Option<(u32, u32)>| {
        known.less || now.is_some_and(|(next, messages)| next < known.uid_next || messages < known.messages)
    };
    Ok((0..known.len()).filter(|at| less(&known[*at], now[*at])).collect())
}
