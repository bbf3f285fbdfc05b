//! Taking stock: creates what is missing on the destination, lists both sides, and settles what cannot be worked on.

use super::discover::Account as Found;
use super::event::Event;
use super::link::Link;
use super::prepare::prepare;
use super::recall::Refreshed;
use super::run::Run;
use super::survey::{Listing, Opening, Wanted, survey};
use super::work::{Job, Mode, State, Target, Work};
use crate::error::{Error, ErrorKind, Side};
use crate::folder::Mapping;
use crate::imap::name::MailboxName;
use crate::imap::uidset::UidSet;
use crate::message::Identity;
use crate::plan::{Outcome, PlanRules, Planner, Tally};
use std::collections::HashMap;

impl Run {
    /// Creates what is missing, and lists both sides: headers too, where the target holds messages already.
    pub(super) async fn survey(
        &mut self,
        source: &Found,
        destination: &Found,
        mapping: &Mapping,
        work: &mut Work,
    ) -> Result<(), Error> {
        let dry = self.options.dry;
        let headers: Vec<String> = self.options.identity.wanted().into_iter().map(str::to_owned).collect();
        let scanned = self.lay_out(source, destination, mapping, work);
        self.recall.untouched((&mut self.source, &mut self.destination), (source, destination), work).await?;
        let Run { source: link, destination: other_link, options, recall, .. } = self;
        let Work { jobs, targets, ledger, .. } = &mut *work;
        let rules = &options.identity;
        let listing_source = async {
            let refreshed = recall.source(link, rules, jobs).await?;
            let asked: Vec<usize> = (0..jobs.len())
                .filter(|at| jobs[*at].mode != Mode::Untouched && !refreshed.contains_key(at))
                .collect();
            let here: Vec<Wanted> = asked
                .iter()
                .map(|at| Wanted {
                    mailbox: jobs[*at].source.clone(),
                    opening: Opening::Examine,
                    from: 1,
                    rows: true,
                    dates: true,
                    headers: (jobs[*at].mode == Mode::Scanned).then(|| headers.clone()),
                })
                .collect();
            let mut found: Vec<(usize, u32, Option<Identity>)> = Vec::new();
            let listings = survey(link, &here, |number, uid, header| {
                found.push((asked[number], uid, rules.from_wanted(header)));
            })
            .await?;
            let listed: Vec<(usize, Listing)> = asked.into_iter().zip(listings).collect();
            Ok::<_, Error>((refreshed, listed, found))
        };
        let listing_destination = async {
            if dry {
                for name in &mapping.create {
                    ledger.events.emit(|| Event::Created { folder: name.display().into() });
                }
            } else {
                let subscribe: &[MailboxName] = if options.subscribe { &mapping.subscribe } else { &[] };
                let refusals = prepare(other_link, &mapping.create, subscribe, ledger).await?;
                for target in targets.iter_mut() {
                    target.problem = refusals.get(&target.name).cloned();
                }
            }
            let mut wanted: Vec<usize> = (0..targets.len())
                .filter(|at| targets[*at].problem.is_none() && (targets[*at].existed || !dry))
                .filter(|at| targets[*at].untouched.is_none())
                .collect();
            let known: Vec<(usize, MailboxName)> =
                wanted.iter().filter(|at| scanned[**at]).map(|at| (*at, targets[*at].name.clone())).collect();
            let opening = if dry { Opening::Examine } else { Opening::Select };
            let refreshed = recall.destination(other_link, rules, &known, opening).await?;
            wanted.retain(|at| !refreshed.contains_key(at));
            for (at, Refreshed { listing, identities, .. }) in refreshed {
                (targets[at].listing, targets[at].identities) = (without_permanent(listing, dry), identities);
                targets[at].refreshed = true;
            }
            survey_targets(other_link, rules, &headers, &wanted, &scanned, dry, targets).await?;
            // Dovecot lists a deleted parent as if it could be selected: it has to be created again.
            let missing: Vec<usize> = wanted
                .into_iter()
                .filter(|at| targets[*at].listing.problem.is_some() && targets[*at].listing.uid_validity == 0)
                .collect();
            if dry || missing.is_empty() {
                return Ok(());
            }
            let create: Vec<MailboxName> = missing.iter().map(|at| targets[*at].name.clone()).collect();
            let refusals = prepare(other_link, &create, &[], ledger).await?;
            let created: Vec<usize> =
                missing.into_iter().filter(|at| !refusals.contains_key(&targets[*at].name)).collect();
            survey_targets(other_link, rules, &headers, &created, &scanned, dry, targets).await
        };
        let (listed, surveyed) = tokio::join!(listing_source, listing_destination);
        let ((refreshed, listed, found), ()) = (listed?, surveyed?);
        for (at, listing) in listed {
            let job = &mut work.jobs[at];
            job.states = vec![State::Open; listing.rows.len()];
            job.listing = listing;
            if job.mode == Mode::Scanned {
                job.identities = vec![None; job.listing.rows.len()];
            }
        }
        for (at, uid, identity) in found {
            let job = &mut work.jobs[at];
            if let Some(row) = job.at(uid) {
                job.identities[row] = identity;
            }
        }
        for (at, Refreshed { listing, identities, partners }) in refreshed {
            let job = &mut work.jobs[at];
            let target = &work.targets[job.target];
            job.states = vec![State::Open; listing.rows.len()];
            (job.listing, job.identities) = (listing, identities);
            job.partners = self.recall.confirmed(job, target, partners);
        }
        self.late_scans(work, &headers, &scanned).await?;
        self.take_stock(work);
        Ok(())
    }

    /// Makes a job of each source folder and a target of each destination folder; whether each target is to be scanned.
    fn lay_out(&self, source: &Found, destination: &Found, mapping: &Mapping, work: &mut Work) -> Vec<bool> {
        let mut numbers: HashMap<&MailboxName, usize> = HashMap::new();
        let mut scanned = Vec::new();
        for pair in &mapping.pairs {
            let exists = pair.exists;
            let name = &pair.destination;
            let at = *numbers.entry(name).or_insert_with(|| {
                let held = destination.status.get(name).and_then(|status| status.messages);
                // A folder that the server does not count is scanned: it may hold anything.
                scanned.push(exists && held != Some(0) || self.options.dry);
                work.targets.push(Target {
                    name: name.clone(),
                    text: name.display().into(),
                    existed: exists,
                    listing: Listing::default(),
                    identities: Vec::new(),
                    copied: Vec::new(),
                    taken: std::collections::HashSet::new(),
                    problem: None,
                    no_deletes: false,
                    bare: std::collections::HashSet::new(),
                    untouched: None,
                    refreshed: false,
                    awaited: self.recall.is_awaited(name),
                    alike: false,
                    duplicates: 0,
                    marked: UidSet::new(),
                    told: false,
                });
                work.targets.len() - 1
            });
            let folder = &source.folders[pair.source];
            work.jobs.push(Job {
                source: folder.name.clone(),
                source_text: folder.name.display().into(),
                target: at,
                mode: if scanned[at] { Mode::Scanned } else { Mode::SinglePass },
                listing: Listing::default(),
                identities: Vec::new(),
                states: Vec::new(),
                planner: Planner::new(PlanRules::default(), &[]),
                partners: Vec::new(),
                pairs: Vec::new(),
                to_copy: Vec::new(),
                duplicates: Vec::new(),
                bare: std::collections::BTreeMap::new(),
                doubtful: Vec::new(),
                no_deletes: false,
                tally: Tally::default(),
                failed: false,
            });
        }
        scanned
    }

    /// A target that was empty when it was counted and is not any more is scanned after all, with its sources.
    async fn late_scans(
        &mut self,
        work: &mut Work,
        headers: &[String],
        scanned: &[bool],
    ) -> Result<(), Error> {
        let late: Vec<usize> = (0..work.targets.len())
            .filter(|at| !scanned[*at] && work.targets[*at].listing.exists > 0)
            .filter(|at| work.targets[*at].untouched.is_none())
            // What is out of reach stays settled.
            .filter(|at| work.targets[*at].problem.is_none())
            .collect();
        if late.is_empty() {
            return Ok(());
        }
        let jobs: Vec<usize> =
            (0..work.jobs.len()).filter(|at| late.contains(&work.jobs[*at].target)).collect();
        let wanted: Vec<Wanted> = jobs
            .iter()
            .map(|at| Wanted {
                mailbox: work.jobs[*at].source.clone(),
                opening: Opening::Examine,
                from: 1,
                rows: true,
                dates: true,
                headers: Some(headers.to_vec()),
            })
            .collect();
        let rules = &self.options.identity;
        let mut found = Vec::new();
        let listings = survey(&mut self.source, &wanted, |at, uid, header| {
            found.push((at, uid, rules.from_wanted(header)));
        })
        .await?;
        for (at, listing) in jobs.iter().zip(listings) {
            let job = &mut work.jobs[*at];
            job.states = vec![State::Open; listing.rows.len()];
            job.identities = vec![None; listing.rows.len()];
            job.listing = listing;
            job.mode = Mode::Scanned;
        }
        for (at, uid, identity) in found {
            let job = &mut work.jobs[jobs[at]];
            if let Some(row) = job.at(uid) {
                job.identities[row] = identity;
            }
        }
        let all = vec![true; work.targets.len()];
        survey_targets(
            &mut self.destination,
            rules,
            headers,
            &late,
            &all,
            self.options.dry,
            &mut work.targets,
        )
        .await
    }

    /// Folders that cannot be worked on are settled; the sums before the run are taken. May be called again after
    /// another listing.
    pub(super) fn take_stock(&self, work: &mut Work) {
        for at in 0..work.targets.len() {
            let target = &mut work.targets[at];
            let listing = &mut target.listing;
            if target.problem.is_none() {
                // Without a whole listing of what is there everything would be copied once more.
                let short = !listing.complete && (listing.exists > 0 || listing.uncounted);
                target.problem = listing.problem.take().or_else(|| short.then(|| incomplete(listing)));
            }
            let Some(problem) = target.problem.clone().filter(|_| !target.told) else { continue };
            target.told = true;
            let problem = problem.on(Side::Destination).in_folder(&*target.text);
            let reason = Error::new(problem.kind(), format!("its folder {} is out of reach", target.text))
                .on(Side::Destination);
            work.ledger.fail(problem);
            for job in 0..work.jobs.len() {
                if work.jobs[job].target == at {
                    work.jobs[job].failed = true;
                    work.settle_rest(job, &Outcome::Failed(reason.clone()));
                }
            }
        }
        for job in &mut work.jobs {
            let short = !job.listing.complete && !job.failed;
            if let Some(error) =
                job.listing.problem.take().or_else(|| short.then(|| incomplete(&job.listing)))
            {
                job.failed = true;
                job.listing.complete = false;
                work.ledger.fail(error.on(Side::Source).in_folder(&*job.source_text));
            }
        }
        work.count();
    }

    /// The destination moved: list it again, and forget what was concluded from the first listing.
    pub(super) async fn survey_again(&mut self, work: &mut Work) -> Result<(), Error> {
        let headers: Vec<String> = self.options.identity.wanted().into_iter().map(str::to_owned).collect();
        for target in &mut work.targets {
            target.taken.clear();
        }
        for job in &mut work.jobs {
            job.pairs.clear();
        }
        let wanted: Vec<usize> = (0..work.targets.len())
            .filter(|at| work.targets[*at].problem.is_none() && work.targets[*at].untouched.is_none())
            .collect();
        let scanned: Vec<bool> = (0..work.targets.len())
            .map(|at| work.jobs.iter().any(|job| job.target == at && job.mode == Mode::Scanned))
            .collect();
        let rules = &self.options.identity;
        survey_targets(&mut self.destination, rules, &headers, &wanted, &scanned, false, &mut work.targets)
            .await?;
        self.late_scans(work, &headers, &scanned).await?;
        self.take_stock(work);
        Ok(())
    }
}

/// Lists the wanted targets; headers of those that are to be scanned.
async fn survey_targets(
    link: &mut Link,
    rules: &crate::message::IdentityRules,
    headers: &[String],
    wanted: &[usize],
    scanned: &[bool],
    dry: bool,
    targets: &mut [Target],
) -> Result<(), Error> {
    let list: Vec<Wanted> = wanted
        .iter()
        .map(|at| Wanted {
            mailbox: targets[*at].name.clone(),
            opening: if dry { Opening::Examine } else { Opening::Select },
            from: 1,
            rows: scanned[*at],
            dates: targets[*at].awaited,
            headers: scanned[*at].then(|| headers.to_vec()),
        })
        .collect();
    let mut found: Vec<(usize, u32, Option<Identity>)> = Vec::new();
    let listings =
        survey(link, &list, |at, uid, header| found.push((at, uid, rules.from_wanted(header)))).await?;
    for (at, listing) in wanted.iter().zip(listings) {
        let listing = without_permanent(listing, dry);
        let target = &mut targets[*at];
        target.identities = vec![None; listing.rows.len()];
        target.listing = listing;
    }
    for (at, uid, identity) in found {
        let target = &mut targets[wanted[at]];
        if let Ok(row) = target.listing.rows.binary_search_by_key(&uid, |row| row.uid) {
            target.identities[row] = identity;
        }
    }
    Ok(())
}

/// EXAMINE says nothing about what a SELECT could keep.
fn without_permanent(mut listing: Listing, dry: bool) -> Listing {
    listing.permanent = listing.permanent.filter(|_| !dry);
    listing
}

fn incomplete(listing: &Listing) -> Error {
    if listing.uncounted {
        return Error::new(ErrorKind::Select, "the server does not say how many messages are there");
    }
    let text = format!(
        "the listing is not complete: the server says that {} messages are there but lists {}",
        listing.exists,
        listing.rows.len()
    );
    Error::new(ErrorKind::Select, text)
}
