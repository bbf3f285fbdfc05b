//! The course of a run: open, list, map, create, survey, judge, copy, flags, deletes, report.

use super::apply::{delete_destination, delete_source, sync_flags};
use super::copy::Copier;
use super::discover::{Account as Found, discover};
use super::event::{Emitter, Event};
use super::judge::{Judgement, complete_identities, judge};
use super::link::Link;
use super::prepare::prepare;
use super::quiet::has_grown;
use super::survey::{Listing, Opening, Wanted, survey};
use super::work::{Job, Ledger, Mode, State, Target, Work};
use super::{Report, SyncJob, titles};
use crate::error::{Error, ErrorKind, Side};
use crate::folder::{Mapping, map};
use crate::imap::frame::Limits;
use crate::imap::name::MailboxName;
use crate::message::Identity;
use crate::options::{Delete1, SyncOptions};
use crate::plan::{Outcome, PlanRules, Planner, Tally};
use std::collections::HashMap;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often a destination that grows under our hands is surveyed anew.
const SURVEYS: usize = 3;

struct Run {
    source: Link,
    destination: Link,
    options: SyncOptions,
    cancel: CancellationToken,
    events: Emitter,
    /// When the destination's folders were asked for.
    opened: Instant,
}

/// Runs a job from its beginning to its report.
pub(super) async fn run(job: SyncJob) -> Result<Report, Error> {
    check(&job.options)?;
    let started = job.clock.now();
    let limits = Limits { inline_literal: (job.options.memory as u64 / 8).max(4096), ..Limits::default() };
    let link = |side, account| {
        Link::new(side, account, job.connector.clone(), limits, job.events.clone(), job.cancel.clone())
    };
    let mut run = Run {
        source: link(Side::Source, job.source.clone()),
        destination: link(Side::Destination, job.destination.clone()),
        options: job.options.clone(),
        cancel: job.cancel.clone(),
        events: job.events.clone(),
        opened: Instant::now(),
    };
    let mut work = Work {
        jobs: Vec::new(),
        targets: Vec::new(),
        ledger: Ledger::new(job.events.clone(), started, job.options.dry),
    };
    let (source, destination) = run.open().await?;
    let mapping = run.map(&source, &destination, &mut work.ledger)?;
    let stopped = run.stages(&source, &destination, mapping, &mut work).await.err();
    if let Some(error) = &stopped {
        // What was not reached has its reason too, whatever the stage that ended the run.
        let reason = Error::new(ErrorKind::Cancelled, format!("not reached: {error}"));
        for at in 0..work.jobs.len() {
            work.settle_rest(at, &Outcome::Failed(reason.clone()));
        }
    } else {
        titles::find(&mut run.source, &mut work).await;
    }
    tokio::join!(run.source.close(), run.destination.close());
    work.ledger.report.reconnections = [run.source.reconnections, run.destination.reconnections];
    work.ledger.report.stopped = stopped;
    Ok(work.finish(job.clock.now()))
}

/// Options that contradict each other.
fn check(options: &SyncOptions) -> Result<(), Error> {
    if options.delete2 && options.delete1 != Delete1::No {
        return Err(Error::new(
            ErrorKind::Usage,
            "--delete1 together with --delete2 would empty both sides, one run after the other",
        ));
    }
    Ok(())
}

impl Run {
    /// Opens both sides at once and lists them. Both logins are tried before one that failed ends the run.
    async fn open(&mut self) -> Result<(Found, Found), Error> {
        self.opened = Instant::now();
        let both = async { tokio::join!(discover(&mut self.source), discover(&mut self.destination)) };
        let (source, destination) = tokio::select! {
            both = both => both,
            () = self.cancel.cancelled() => return Err(Error::new(ErrorKind::Cancelled, "the run was interrupted")),
        };
        Ok((source?, destination?))
    }

    fn map(&self, source: &Found, destination: &Found, ledger: &mut Ledger) -> Result<Mapping, Error> {
        let rules = &self.options.mapping;
        let layout1 = source.layout(rules.prefix1.as_deref(), rules.sep1.as_deref());
        let layout2 = destination.layout(rules.prefix2.as_deref(), rules.sep2.as_deref());
        for (side, found, layout) in
            [(Side::Source, source, &layout1), (Side::Destination, destination, &layout2)]
        {
            self.events.emit(|| Event::Listed {
                side,
                folders: found.folders.len(),
                separator: char::from(layout.separator),
                prefix: crate::imap::text::escape(&layout.prefix, 100),
            });
        }
        let selected =
            self.options.folders.select(&source.folders, &layout1).map_err(|e| e.on(Side::Source))?;
        let mapping = map(&source.folders, &selected, &layout1, &destination.folders, &layout2, rules)?;
        for text in &mapping.notices {
            ledger.notice(None, text.clone());
        }
        for pair in &mapping.pairs {
            self.events.emit(|| Event::Mapped {
                source: source.folders[pair.source].name.display().into(),
                destination: pair.destination.display().into(),
                exists: pair.exists,
            });
        }
        Ok(mapping)
    }

    async fn stages(
        &mut self,
        source: &Found,
        destination: &Found,
        mapping: Mapping,
        work: &mut Work,
    ) -> Result<(), Error> {
        let cancel = self.cancel.clone();
        let planned = async {
            self.survey(source, destination, &mapping, work).await?;
            self.plan(destination.append_limit, work).await
        };
        tokio::select! {
            planned = planned => planned?,
            () = cancel.cancelled() => return Err(Error::new(ErrorKind::Cancelled, "the run was interrupted")),
        }
        if self.options.dry {
            self.pretend(work);
        } else {
            let (links, options) = ((&mut self.source, &mut self.destination), &self.options);
            Copier::new(links.0, links.1, options, destination.append_limit, work, cancel.clone())
                .run()
                .await?;
        }
        let applied = async {
            if self.options.resync_flags {
                sync_flags(&mut self.destination, &self.options, work).await?;
            }
            if self.options.delete1 != Delete1::No || self.options.expunge1 {
                delete_source(&mut self.source, &self.options, work).await?;
            }
            if self.options.delete2 {
                delete_destination(&mut self.destination, &self.options, work).await?;
            }
            Ok(())
        };
        tokio::select! {
            applied = applied => applied,
            () = cancel.cancelled() => Err(Error::new(ErrorKind::Cancelled, "the run was interrupted")),
        }
    }

    /// Creates what is missing, and lists both sides: headers too, where the target holds messages already.
    async fn survey(
        &mut self,
        source: &Found,
        destination: &Found,
        mapping: &Mapping,
        work: &mut Work,
    ) -> Result<(), Error> {
        let dry = self.options.dry;
        let headers: Vec<String> = self.options.identity.wanted().into_iter().map(str::to_owned).collect();
        let mut numbers: HashMap<&MailboxName, usize> = HashMap::new();
        let mut scanned = Vec::new();
        for pair in &mapping.pairs {
            let exists = pair.exists;
            let name = &pair.destination;
            let at = *numbers.entry(name).or_insert_with(|| {
                let held = destination.status.get(name).and_then(|status| status.messages);
                // A folder that the server does not count is scanned: it may hold anything.
                scanned.push(exists && held != Some(0) || dry);
                work.targets.push(Target {
                    name: name.clone(),
                    text: name.display().into(),
                    existed: exists,
                    listing: Listing::default(),
                    identities: Vec::new(),
                    taken: std::collections::HashSet::new(),
                    problem: None,
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
                pairs: Vec::new(),
                to_copy: Vec::new(),
                duplicates: Vec::new(),
                tally: Tally::default(),
                failed: false,
            });
        }
        let here: Vec<Wanted> = work
            .jobs
            .iter()
            .map(|job| Wanted {
                mailbox: job.source.clone(),
                opening: Opening::Examine,
                rows: true,
                headers: (job.mode == Mode::Scanned).then(|| headers.clone()),
            })
            .collect();
        let mut found: Vec<(usize, u32, Option<Identity>)> = Vec::new();
        let rules = &self.options.identity;
        let listing_source = survey(&mut self.source, &here, |at, uid, header| {
            found.push((at, uid, rules.from_wanted(header)));
        });
        let listing_destination = async {
            if dry {
                for name in &mapping.create {
                    work.ledger.events.emit(|| Event::Created { folder: name.display().into() });
                }
            } else {
                let subscribe: &[MailboxName] = if self.options.subscribe { &mapping.subscribe } else { &[] };
                let refusals =
                    prepare(&mut self.destination, &mapping.create, subscribe, &mut work.ledger).await?;
                for target in &mut work.targets {
                    target.problem = refusals.get(&target.name).cloned();
                }
            }
            let wanted: Vec<usize> = (0..work.targets.len())
                .filter(|at| work.targets[*at].problem.is_none() && (work.targets[*at].existed || !dry))
                .collect();
            survey_targets(&mut self.destination, rules, &headers, &wanted, &scanned, dry, &mut work.targets)
                .await
        };
        let (listed, surveyed) = tokio::join!(listing_source, listing_destination);
        let (listed, ()) = (listed?, surveyed?);
        for (job, listing) in work.jobs.iter_mut().zip(listed) {
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
        self.late_scans(work, &headers, &scanned).await?;
        self.take_stock(work);
        Ok(())
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
                rows: true,
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

    /// Folders that cannot be worked on are settled; the sums before the run are taken.
    fn take_stock(&self, work: &mut Work) {
        for target in &mut work.targets {
            if target.problem.is_none() && target.listing.uid_validity == 0 {
                target.problem = target.listing.problem.clone();
            }
            let amount = &mut work.ledger.report.start[1];
            amount.messages += target.listing.rows.len() as u64;
            amount.bytes += target.listing.rows.iter().map(|row| row.size).sum::<u64>();
        }
        for at in 0..work.jobs.len() {
            let job = &mut work.jobs[at];
            let amount = &mut work.ledger.report.start[0];
            amount.messages += job.listing.rows.len() as u64;
            amount.bytes += job.listing.rows.iter().map(|row| row.size).sum::<u64>();
            if let Some(error) = job.listing.problem.take() {
                job.failed = true;
                job.listing.complete = false;
                let error = error.on(Side::Source).in_folder(&*job.source_text);
                work.ledger.fail(error);
            } else if !job.listing.complete {
                job.failed = true;
                let text = format!(
                    "the listing is not complete: the server says that {} messages are there but lists {}",
                    job.listing.exists,
                    job.listing.rows.len()
                );
                let error = Error::new(ErrorKind::Select, text).on(Side::Source).in_folder(&*job.source_text);
                work.ledger.fail(error);
            }
            let target = &work.targets[work.jobs[at].target];
            if let Some(problem) = target.problem.clone() {
                let problem = problem.on(Side::Destination).in_folder(&*target.text);
                work.ledger.fail(problem.clone());
                work.jobs[at].failed = true;
                let reason =
                    Error::new(problem.kind(), format!("its folder {} is out of reach", target.text))
                        .on(Side::Destination);
                work.settle_rest(at, &Outcome::Failed(reason));
            }
        }
        let start = work.ledger.report.start[0];
        let folders = work.jobs.len();
        self.events.emit(|| Event::Totals { messages: start.messages, bytes: start.bytes, folders });
    }

    /// Decides on every message that can be decided on without its body.
    async fn plan(&mut self, append_limit: Option<u64>, work: &mut Work) -> Result<(), Error> {
        for round in 1.. {
            let judgement = self.judge(append_limit, work).await?;
            let growing: Vec<usize> = {
                let copies = |at: &usize| judgement.copies(*at) || work.jobs[*at].mode == Mode::SinglePass;
                let mut targets: Vec<usize> =
                    (0..work.jobs.len()).filter(copies).map(|at| work.jobs[at].target).collect();
                targets.sort_unstable();
                targets.dedup();
                targets.retain(|at| work.targets[*at].existed && work.targets[*at].problem.is_none());
                targets
            };
            let check = !self.options.dry && !growing.is_empty() && round < SURVEYS;
            if !check || !has_grown(&mut self.destination, &work.targets, &growing, self.opened).await? {
                judgement.adopt(work);
                break;
            }
            self.survey_again(work).await?;
        }
        for job in &mut work.jobs {
            if job.mode == Mode::SinglePass {
                let rules = PlanRules { sync_duplicates: self.options.sync_duplicates, append_limit };
                job.planner = Planner::new(rules, &[]);
                job.to_copy = job.listing.rows.iter().map(|row| row.uid).collect();
            }
            let target = &work.targets[job.target];
            self.events.emit(|| Event::FolderStarted {
                source: job.source_text.clone(),
                destination: target.text.clone(),
                messages: job.listing.rows.len() as u64,
                destination_messages: target.listing.rows.len() as u64,
            });
        }
        self.count_destination(work);
        Ok(())
    }

    async fn judge(&mut self, append_limit: Option<u64>, work: &mut Work) -> Result<Judgement, Error> {
        let rules = &self.options.identity;
        let Work { jobs, targets, ledger } = work;
        let mut here: Vec<_> = jobs
            .iter_mut()
            .filter(|job| job.mode == Mode::Scanned)
            .map(|job| (job.source.clone(), &job.listing, &mut job.identities))
            .collect();
        let mut there: Vec<_> = targets
            .iter_mut()
            .filter(|target| target.identities.len() == target.listing.rows.len())
            .map(|target| (target.name.clone(), &target.listing, &mut target.identities))
            .collect();
        let (one, other) = tokio::join!(
            complete_identities(&mut self.source, rules, &mut here),
            complete_identities(&mut self.destination, rules, &mut there)
        );
        ledger.report.headerless = [one?, other?];
        judge(&mut self.source, &mut self.destination, &self.options, append_limit, work).await
    }

    /// The destination moved: list it again, and forget what was concluded from the first listing.
    async fn survey_again(&mut self, work: &mut Work) -> Result<(), Error> {
        let headers: Vec<String> = self.options.identity.wanted().into_iter().map(str::to_owned).collect();
        for target in &mut work.targets {
            target.taken.clear();
        }
        for job in &mut work.jobs {
            job.pairs.clear();
        }
        let wanted: Vec<usize> =
            (0..work.targets.len()).filter(|at| work.targets[*at].problem.is_none()).collect();
        let scanned: Vec<bool> = (0..work.targets.len())
            .map(|at| work.jobs.iter().any(|job| job.target == at && job.mode == Mode::Scanned))
            .collect();
        let rules = &self.options.identity;
        survey_targets(&mut self.destination, rules, &headers, &wanted, &scanned, false, &mut work.targets)
            .await?;
        self.late_scans(work, &headers, &scanned).await
    }

    fn count_destination(&self, work: &mut Work) {
        let report = &mut work.ledger.report;
        report.destination_only = 0;
        report.destination_duplicates = 0;
        for target in &work.targets {
            report.destination_only += (target.listing.rows.len() - target.taken.len()) as u64;
            let mut keys: Vec<_> = target.identities.iter().flatten().map(|identity| identity.key).collect();
            keys.sort_unstable();
            report.destination_duplicates += keys.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
        }
    }

    /// What a copy would have done, as far as it can be known without one.
    fn pretend(&self, work: &mut Work) {
        for at in 0..work.jobs.len() {
            for uid in std::mem::take(&mut work.jobs[at].to_copy) {
                work.settle(at, uid, Outcome::Copied { destination: None });
            }
            for (uid, of) in std::mem::take(&mut work.jobs[at].duplicates) {
                work.settle(at, uid, Outcome::DuplicateOf(of));
            }
        }
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
            rows: scanned[*at],
            headers: scanned[*at].then(|| headers.to_vec()),
        })
        .collect();
    let mut found: Vec<(usize, u32, Option<Identity>)> = Vec::new();
    let listings =
        survey(link, &list, |at, uid, header| found.push((at, uid, rules.from_wanted(header)))).await?;
    for (at, mut listing) in wanted.iter().zip(listings) {
        if dry {
            // EXAMINE says nothing about what a SELECT could keep.
            listing.permanent = None;
        }
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
