//! The destination side of a copy: APPENDs in flight, and what each reply means.

use super::Copier;
use super::doubt::{Doubt, Floor, Otherwise};
use super::refusal::{Refusal, classify};
use crate::error::{Error, ErrorKind, Side};
use crate::imap::capability::Capability;
use crate::imap::command::{Append, Command, Literal};
use crate::imap::flow::{CommandId, FlowEvent};
use crate::imap::response::{Code, Status, StatusKind, Untagged};
use crate::message::{Identity, flags};
use crate::plan::Outcome;
use crate::sync::broken::{self, Broken};
use crate::sync::work::Bare;
use bytes::Bytes;

/// So many messages refused for quota in a row end the copying: a smaller one might still have fitted.
const QUOTA_REFUSALS: u32 = 20;

/// One APPEND in flight.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    pub(super) job: usize,
    pub(super) uid: u32,
    pub(super) identity: Option<Identity>,
    /// Its bytes are given to the connection piece by piece.
    streamed: bool,
    /// It bears flags that may be what a refusal is about.
    risky: bool,
}

impl Copier<'_> {
    /// Sends a message that is whole in memory.
    pub(super) fn send(&mut self, job: usize, uid: u32, identity: Option<Identity>, message: Bytes) {
        let message = match super::stream::transformed(self.options, message) {
            Ok(message) => message,
            Err(why) => {
                let error = Error::new(ErrorKind::Append, why)
                    .in_folder(&*self.work.jobs[job].source_text)
                    .for_message(uid);
                self.work.settle(job, uid, Outcome::Failed(error));
                self.release(job, uid);
                return;
            }
        };
        if self.append(job, uid, identity, Literal::Bytes(message)).is_none() {
            // The destination is being connected again; the message is read once more then.
            self.release(job, uid);
            self.put_back(job, vec![uid]);
        }
    }

    /// Queues the APPEND, behind a SELECT of its folder: some servers append twice as fast to the selected one.
    pub(super) fn append(
        &mut self,
        job: usize,
        uid: u32,
        identity: Option<Identity>,
        message: Literal,
    ) -> Option<CommandId> {
        let target_at = self.work.jobs[job].target;
        let target = &self.work.targets[target_at];
        let row = self.work.jobs[job].listing.row(uid)?;
        let mut flags = row.flags.as_ref().map_or_else(Default::default, |source| {
            flags::for_append(source, target.listing.permanent.as_ref())
        });
        if self.options.deletes_on_source() {
            flags.remove("\\Deleted");
        }
        let harmless = flags::harmless(&flags);
        let risky = harmless != flags && !self.plain.contains(&(job, uid));
        if !risky {
            flags = harmless;
        }
        let date = row.date.filter(|_| self.options.internal_dates).map(|date| date.clamped());
        let connection = self.destination.connection()?;
        if self.destination_open != Some(target_at) {
            let id = connection.submit(Command::Select(target.name.clone()));
            self.selecting.insert(id, (target_at, 0));
            self.destination_open = Some(target_at);
        }
        let streamed = matches!(message, Literal::Streamed(_));
        let append = Append { mailbox: target.name.clone(), flags, date, message };
        let id = connection.submit(Command::Append(append));
        self.flights.insert(id, Flight { job, uid, identity, streamed, risky });
        Some(id)
    }

    pub(super) fn destination_event(&mut self, event: FlowEvent) {
        match event {
            FlowEvent::Untagged { command: Some(command), data: Untagged::Status(status) } => {
                if let (Some((_, told)), Some(Code::UidValidity(n))) =
                    (self.selecting.get_mut(&command), status.code)
                {
                    *told = n;
                }
            }
            FlowEvent::Done { command, status, whole } => {
                if let Some((target, mut told)) = self.selecting.remove(&command) {
                    if let Some(Code::UidValidity(n)) = status.code {
                        told = n;
                    }
                    if status.kind == StatusKind::Ok
                        && told != self.work.targets[target].listing.uid_validity
                        && !broken::is(Broken::KeepsUidsOfAnotherFolder)
                    {
                        self.target_changed(target);
                    }
                    return;
                }
                let Some(flight) = self.flights.remove(&command) else { return };
                let in_order = self.flights.first_key_value().is_none_or(|(other, _)| *other > command);
                self.release(flight.job, flight.uid);
                let early = self.stream_answered(command) || self.spool_answered(command);
                if status.kind == StatusKind::Ok && !early {
                    self.appended(&flight, &status, in_order);
                } else {
                    self.refused(&flight, &status, whole && !early);
                }
                // Refused before its literal began: the bytes that were given for it would become the beginning of the
                // next one. Answered before all were given: nobody will give the rest.
                let stale = |c: &mut crate::client::Connection| {
                    flight.streamed && !c.flow().wants_bytes(command) && c.flow().supplied_bytes() > 0
                };
                if self.destination.connection().is_some_and(|c| early || stale(c)) {
                    self.drop_destination();
                }
            }
            _ => {}
        }
    }

    /// Somebody has deleted the folder and made another of the same name: what was copied or found there is gone.
    pub(super) fn target_changed(&mut self, target_at: usize) {
        let target = &mut self.work.targets[target_at];
        if target.problem.is_some() {
            return;
        }
        let error = Error::new(
            ErrorKind::Select,
            "the folder's UIDVALIDITY changed during the run: it is another folder now",
        )
        .on(Side::Destination)
        .in_folder(&*target.text);
        target.problem = Some(error.clone());
        target.told = true;
        self.work.ledger.fail(error.clone());
        for at in 0..self.work.jobs.len() {
            if self.work.jobs[at].target == target_at {
                self.broken.insert(at);
                self.work.jobs[at].failed = true;
                self.work.settle_rest(at, &Outcome::Failed(error.clone()));
            }
        }
    }

    fn appended(&mut self, flight: &Flight, status: &Status, in_order: bool) {
        self.destination.progress();
        self.quota_refusals = 0;
        self.rests = 0;
        let target_at = self.work.jobs[flight.job].target;
        let uid_validity = self.work.targets[target_at].listing.uid_validity;
        let destination = match &status.code {
            // More than one UID, or another folder's, is nothing to rely on.
            Some(Code::AppendUid { uid_validity: told, uids })
                if (*told == uid_validity || uid_validity == 0) && uids.len() == 1 =>
            {
                uids.iter().next()
            }
            _ => None,
        };
        let floor =
            self.floors.entry(target_at).or_insert_with(|| Floor::new(&self.work.targets[target_at].listing));
        floor.acknowledged(destination, flight.identity, in_order);
        self.copied(flight.job, flight.uid, destination);
    }

    /// The copy is there. Flags that it was refused with are to be stored yet.
    pub(super) fn copied(&mut self, job: usize, uid: u32, destination: Option<u32>) {
        if self.plain.contains(&(job, uid)) {
            let job = &mut self.work.jobs[job];
            let target = &self.work.targets[job.target];
            let flags = job.listing.row(uid).and_then(|row| row.flags.as_ref());
            let has = flags.map_or_else(Default::default, |flags| {
                flags::harmless(&flags::for_append(flags, target.listing.permanent.as_ref()))
            });
            job.bare.insert(uid, Bare { copy: destination, has });
        }
        self.work.settle(job, uid, Outcome::Copied { destination });
    }

    /// An APPEND is refused. Where the server had all of it, it may be there all the same.
    fn refused(&mut self, flight: &Flight, status: &Status, whole: bool) {
        let (job, uid) = (flight.job, flight.uid);
        let target = self.work.targets[self.work.jobs[job].target].text.clone();
        let (folder, said) = (self.work.jobs[job].source_text.clone(), self.destination.said(status));
        let error = |kind, text: &str| {
            Error::new(kind, format!("{text} {target}"))
                .on(Side::Destination)
                .in_folder(&*folder)
                .for_message(uid)
                .server_said(said.clone())
        };
        match classify(status) {
            Refusal::Quota => {
                let error =
                    error(ErrorKind::OverQuota, "the destination is full; could not append to folder");
                self.work.settle(job, uid, Outcome::Failed(error.clone()));
                self.quota_refusals += 1;
                if self.quota_refusals >= QUOTA_REFUSALS {
                    self.give_up_for_quota(&error);
                }
            }
            Refusal::Later(pause) => {
                let error = error(ErrorKind::Append, "the server asks to wait; could not append to folder");
                self.rest(Side::Destination, pause);
                self.doubt(flight.clone(), Otherwise::Later(error.after(Some(pause))));
            }
            Refusal::BadLiteral
                if self.destination_has(Capability::LITERAL_PLUS | Capability::LITERAL_MINUS) =>
            {
                // It may have taken the message for commands: this connection is no longer in step.
                let error = error(ErrorKind::Append, "could not append to folder");
                self.destination.distrust(Capability::LITERAL_PLUS | Capability::LITERAL_MINUS);
                self.doubt(flight.clone(), Otherwise::Later(error));
                self.drop_destination();
            }
            // Perhaps it is the flags: once more without those, which are stored afterwards.
            Refusal::BadLiteral | Refusal::Final if flight.risky => {
                self.plain.insert((job, uid));
                self.doubt_if(whole, flight, Otherwise::Plain);
            }
            Refusal::BadLiteral | Refusal::Final => {
                let error = error(ErrorKind::Append, "could not append to folder");
                self.doubt_if(whole, flight, Otherwise::Failed(error));
            }
        }
    }

    /// What cannot have been applied is not looked for.
    fn doubt_if(&mut self, whole: bool, flight: &Flight, otherwise: Otherwise) {
        if whole {
            self.doubt(flight.clone(), otherwise);
        } else if self.not_there(flight.job, flight.uid, otherwise) {
            self.put_back(flight.job, vec![flight.uid]);
        }
    }

    /// It may have been applied: to be looked for before it is sent again.
    fn doubt(&mut self, flight: Flight, otherwise: Otherwise) {
        let target = self.work.jobs[flight.job].target;
        let floor =
            self.floors.entry(target).or_insert_with(|| Floor::new(&self.work.targets[target].listing));
        self.doubts.push(Doubt { flight, target, above: floor.hold(), otherwise });
    }

    fn destination_has(&mut self, any: Capability) -> bool {
        let has = |c: &crate::imap::capability::Capabilities| any.iter().any(|one| c.has(one));
        self.destination.connection().is_some_and(|connection| has(connection.capabilities()))
    }

    /// Every message still waiting fails for the same reason; nothing is fetched for nothing.
    fn give_up_for_quota(&mut self, error: &Error) {
        let reason = Error::new(ErrorKind::OverQuota, "not tried: the destination is full")
            .on(Side::Destination)
            .server_said(error.server_text().unwrap_or_default());
        for piece in std::mem::take(&mut self.queue) {
            for uid in piece.uids {
                self.work.settle(piece.job, uid, Outcome::Failed(reason.clone()));
            }
        }
    }

    pub(super) fn destination_lost(&mut self, error: Error) -> Result<(), Error> {
        self.settle_flights();
        self.destination.lost(error)
    }

    /// Gives the connection up because it is out of step. What may have been applied is in doubt.
    pub(super) fn drop_destination(&mut self) {
        self.settle_flights();
        self.destination.drop_connection();
    }

    /// The connection is gone: an APPEND whose last byte was handed out may have been applied, the others were not.
    fn settle_flights(&mut self) {
        self.destination_open = None;
        self.selecting.clear();
        self.stream_loses_destination();
        self.spool_loses_destination();
        let flights = std::mem::take(&mut self.flights);
        let mut unsent: Vec<Flight> = Vec::new();
        for (id, flight) in flights {
            let applied = self.destination.connection().is_none_or(|c| c.flow().may_have_been_applied(id));
            self.release(flight.job, flight.uid);
            if applied && broken::is(Broken::CallsLostCopied) {
                self.work.settle(flight.job, flight.uid, Outcome::Copied { destination: None });
            } else if applied && !broken::is(Broken::ResendsWithoutLooking) {
                self.doubt(flight, Otherwise::Again);
            } else {
                unsent.push(flight);
            }
        }
        // In runs of one folder, so that each run is asked for together.
        for run in unsent.chunk_by(|one, next| one.job == next.job).rev() {
            self.put_back(run[0].job, run.iter().map(|flight| flight.uid).collect());
        }
    }
}
