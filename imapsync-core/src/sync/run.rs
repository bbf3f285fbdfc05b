//! The course of a run: open, list, map, take stock, judge, copy, flags, deletes, report.

use super::apply::{delete_destination, delete_source, sync_flags};
use super::broken::{self, Broken};
use super::copy::Copier;
use super::discover::{Account as Found, discover};
use super::event::{Emitter, Event};
use super::judge::{Judgement, complete_identities, judge};
use super::link::Link;
use super::quiet::has_grown;
use super::recall::Recall;
use super::unread::read_again;
use super::work::{Ledger, Mode, Work};
use super::{Report, SyncJob, titles};
use crate::error::{Error, ErrorKind, Side};
use crate::folder::{Mapping, map};
use crate::imap::frame::Limits;
use crate::options::{Delete1, SyncOptions};
use crate::plan::{Outcome, Planner};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often a destination that grows under our hands is surveyed anew.
const SURVEYS: usize = 3;

pub(super) struct Run {
    pub(super) source: Link,
    pub(super) destination: Link,
    pub(super) options: SyncOptions,
    cancel: CancellationToken,
    pub(super) events: Emitter,
    /// Further pairs of connections, for the copy.
    further: Vec<(Link, Link)>,
    /// When the destination's folders were asked for.
    opened: Instant,
    pub(super) recall: Recall,
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
        further: Vec::new(),
        opened: Instant::now(),
        recall: Recall::open(job.state, &job.options, &job.events).await,
    };
    let mut work = Work {
        jobs: Vec::new(),
        targets: Vec::new(),
        written: Vec::new(),
        ledger: Ledger::new(job.events.clone(), started, job.options.dry),
    };
    let (source, destination) = run.open().await?;
    let mapping = run.map(&source, &destination, &mut work.ledger)?;
    let stopped = run.stages(&source, &destination, mapping, &mut work).await.err();
    run.recall.keep(&mut work, (&source, &destination), stopped.is_some()).await;
    run.recall.close().await;
    if let Some(error) = &stopped {
        // What was not reached has its reason too, whatever the stage that ended the run.
        let reason = Error::new(ErrorKind::Cancelled, format!("not reached: {error}"));
        for at in 0..work.jobs.len() {
            work.settle_rest(at, &Outcome::Failed(reason.clone()));
        }
    } else {
        // Every message has its outcome by now; were one forgotten it would be said, not lost.
        let reason = Error::new(ErrorKind::Fetch, "no outcome: a fault of this program");
        for at in 0..work.jobs.len() {
            if work.settle_rest(at, &Outcome::Failed(reason.clone())) > 0 {
                work.ledger.fail(reason.clone().in_folder(&*work.jobs[at].source_text));
            }
        }
        titles::find(&mut run.source, &mut work).await;
    }
    let further = run.further.iter_mut().flat_map(|(source, destination)| [source, destination]);
    let links = [&mut run.source, &mut run.destination].into_iter().chain(further);
    let reconnections = &mut work.ledger.report.reconnections;
    let farewells = links.map(|link| {
        reconnections[link.side as usize] += link.reconnections;
        link.close()
    });
    futures_util::future::join_all(farewells).await;
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
        let limit = self.options.folder_limit;
        let both =
            async { tokio::join!(discover(&mut self.source, limit), discover(&mut self.destination, limit)) };
        let (source, destination) = tokio::select! {
            biased;
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
                separator: crate::imap::text::escape(&[layout.separator], 100),
                prefix: crate::imap::text::escape(&layout.prefix, 100),
            });
        }
        let selected =
            self.options.folders.select(&source.folders, &layout1).map_err(|e| e.on(Side::Source))?;
        let mapping = map(&source.folders, &selected, &layout1, &destination.folders, &layout2, rules)?;
        if source.unreadable > 0 {
            let text = format!(
                "{} lines of the list of folders cannot be read; folders may be missing from this run",
                source.unreadable
            );
            ledger.fail(Error::new(ErrorKind::Protocol, text).on(Side::Source));
        }
        if source.listed_none {
            let text = "the server lists no folder at all; folders may be missing from this run";
            ledger.fail(Error::new(ErrorKind::Protocol, text).on(Side::Source));
        }
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
            let start = work.ledger.report.start[0];
            let folders = work.jobs.len();
            self.events.emit(|| Event::Totals { messages: start.messages, bytes: start.bytes, folders });
            self.plan(destination.append_limit, work).await
        };
        tokio::select! {
            biased;
            planned = planned => planned?,
            () = cancel.cancelled() => return Err(Error::new(ErrorKind::Cancelled, "the run was interrupted")),
        }
        if self.options.dry {
            self.pretend(work);
        } else {
            let further = self.options.connections.most() - 1;
            self.further =
                (0..further).map(|_| (self.source.another(), self.destination.another())).collect();
            let (links, options) = ((&mut self.source, &mut self.destination), &self.options);
            let limit = destination.append_limit;
            let store = self.recall.store();
            Copier::new(links, &mut self.further, options, limit, work, cancel.clone())
                .writing_to(store)
                .run()
                .await?;
        }
        let applied = async {
            self.confirm(work).await?;
            sync_flags(&mut self.destination, &self.options, &self.recall, work).await?;
            let deletes1 = self.options.deletes_on_source();
            if deletes1 || self.options.delete2 {
                self.forbid_deletes(source, destination, work).await?;
            }
            if deletes1 {
                delete_source(&mut self.source, &self.options, work).await?;
            }
            if self.options.delete2 {
                delete_destination(&mut self.destination, &self.options, work).await?;
            }
            Ok(())
        };
        tokio::select! {
            biased;
            applied = applied => applied,
            () = cancel.cancelled() => Err(Error::new(ErrorKind::Cancelled, "the run was interrupted")),
        }
    }

    /// Decides on every message that can be decided on without its body.
    async fn plan(&mut self, append_limit: Option<u64>, work: &mut Work) -> Result<(), Error> {
        read_again(&mut self.source, &mut self.destination, work).await?;
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
            let check = !self.options.dry
                && !growing.is_empty()
                && round < SURVEYS
                && !broken::is(Broken::IgnoresLateArrivals);
            if !check || !has_grown(&mut self.destination, &work.targets, &growing, self.opened).await? {
                judgement.adopt(work);
                break;
            }
            self.survey_again(work).await?;
        }
        let mut locked = Vec::new();
        for (at, job) in work.jobs.iter_mut().enumerate() {
            if !job.doubtful.is_empty() {
                job.failed = true;
                let text = "messages with the same headers could not be read to tell them apart; none of these is \
                            copied, and nothing is deleted";
                work.ledger.fail(Error::new(ErrorKind::Fetch, text).in_folder(&*job.source_text));
            }
            if job.mode == Mode::SinglePass {
                let rules = self.options.plan_rules(append_limit);
                job.planner = Planner::new(rules, &[]);
                job.planner.reserve(job.listing.rows.len());
                job.to_copy = job.listing.rows.iter().map(|row| row.uid).collect();
            }
            let target = &work.targets[job.target];
            if target.listing.read_only && !job.to_copy.is_empty() && !self.options.dry {
                let text = "the server opens the folder read-only; nothing can be put there";
                locked.push((
                    at,
                    Error::new(ErrorKind::Append, text).on(Side::Destination).in_folder(&*target.text),
                ));
            }
            self.events.emit(|| Event::FolderStarted {
                source: job.source_text.clone(),
                destination: target.text.clone(),
                messages: job.listing.messages(),
                destination_messages: target.listing.messages(),
            });
        }
        for (at, error) in locked {
            work.jobs[at].to_copy.clear();
            work.jobs[at].duplicates.clear();
            work.ledger.fail(error.clone());
            work.settle_rest(at, &Outcome::Failed(error));
        }
        self.count_destination(work);
        Ok(())
    }

    async fn judge(&mut self, append_limit: Option<u64>, work: &mut Work) -> Result<Judgement, Error> {
        let rules = &self.options.identity;
        let Work { jobs, targets, ledger, .. } = work;
        let mut here: Vec<_> = jobs
            .iter_mut()
            .filter(|job| job.mode == Mode::Scanned)
            .map(|job| (job.source.clone(), &job.listing, &mut job.identities))
            .collect();
        let mut numbers = Vec::new();
        let mut there = Vec::new();
        for (at, target) in targets.iter_mut().enumerate() {
            if target.identities.len() == target.listing.rows.len() && target.problem.is_none() {
                numbers.push(at);
                there.push((target.name.clone(), &target.listing, &mut target.identities));
            }
        }
        let (one, other) = tokio::join!(
            complete_identities(&mut self.source, rules, &mut here),
            complete_identities(&mut self.destination, rules, &mut there)
        );
        let (one, other) = (one?, other?);
        ledger.report.headerless = [one.headerless, other.headerless];
        for (at, refusal) in other.refusals {
            // What cannot be read there cannot be known again: it would be copied once more.
            targets[numbers[at]].problem.get_or_insert(refusal);
        }
        self.take_stock(work);
        let Run { source, destination, options, recall, .. } = self;
        judge(source, destination, options, append_limit, recall, work).await
    }

    fn count_destination(&self, work: &mut Work) {
        let report = &mut work.ledger.report;
        report.destination_only = 0;
        report.destination_duplicates = 0;
        for target in &mut work.targets {
            if let Some(summary) = &target.untouched {
                report.destination_only += summary.unmatched;
                report.destination_duplicates += summary.duplicates;
                continue;
            }
            report.destination_only += (target.listing.rows.len() - target.taken.len()) as u64;
            // Different messages may share a Message-Id; the size tells them apart without a look at their bodies.
            let both = target.listing.rows.iter().zip(&target.identities);
            let mut known: Vec<_> = both
                .filter_map(|(row, identity)| identity.map(|identity| (identity.key, row.size)))
                .collect();
            known.sort_unstable();
            target.duplicates = known.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
            report.destination_duplicates += target.duplicates;
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
