//! The destination side of a copy: APPENDs in flight, and what each reply means.

use super::Copier;
use super::doubt::{Doubt, Floor, Otherwise};
use super::group::Group;
use super::intents::Number;
use super::refusal::{Refusal, classify};
use crate::error::{Error, ErrorKind, Side};
use crate::imap::capability::Capability;
use crate::imap::command::Literal;
use crate::imap::flow::{CommandId, FlowEvent};
use crate::imap::response::{Code, Status, StatusKind, Untagged};
use crate::message::Identity;
use crate::plan::Outcome;
use crate::sync::broken::{self, Broken};
use crate::sync::work::Bare;
use bytes::Bytes;

/// So many messages refused for quota in a row end the copying: a smaller one might still have fitted.
const QUOTA_REFUSALS: u32 = 20;

/// One APPEND in flight.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) target: usize,
    /// Its messages, in the order of sending.
    pub(super) members: Vec<Member>,
    /// The bytes of its only message are given to the connection piece by piece.
    pub(super) streamed: bool,
}

/// One message of an APPEND.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) job: usize,
    pub(super) uid: u32,
    pub(super) identity: Option<Identity>,
    /// It bears flags that may be what a refusal is about.
    pub(super) risky: bool,
}

impl Copier<'_> {
    /// Sends a message that is whole in memory.
    pub(super) fn send(
        &mut self,
        (job, uid): (usize, u32),
        identity: Option<Identity>,
        intent: Number,
        message: Bytes,
    ) {
        match super::stream::transformed(self.options, message) {
            Ok(message) => self.join_group((job, uid), identity, intent, message),
            Err(why) => {
                let error = Error::new(ErrorKind::Append, why)
                    .in_folder(&*self.work.jobs[job].source_text)
                    .for_message(uid);
                self.work.settle(job, uid, Outcome::Failed(error));
                self.release(job, uid);
            }
        }
    }

    /// Queues the APPEND of a message whose bytes are given later.
    pub(super) fn append_streamed(
        &mut self,
        job: usize,
        uid: u32,
        identity: Option<Identity>,
        len: u64,
    ) -> Option<CommandId> {
        let (member, message) = self.addressed(job, uid, identity, Literal::Streamed(len))?;
        let target = self.work.jobs[job].target;
        self.lane.destination.connection()?;
        self.append(Flight { target, members: vec![member], streamed: true }, vec![message])
    }

    pub(super) fn destination_event(&mut self, event: FlowEvent) {
        match event {
            FlowEvent::Untagged { command: Some(command), data: Untagged::Status(status) } => {
                if let (Some((_, told)), Some(Code::UidValidity(n))) =
                    (self.lane.selecting.get_mut(&command), status.code)
                {
                    *told = n;
                }
            }
            FlowEvent::Done { command, status, whole } => {
                if let Some((target, mut told)) = self.lane.selecting.remove(&command) {
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
                let Some(flight) = self.flight_ends(command) else { return };
                let in_order = self.lane.flights.first_key_value().is_none_or(|(other, _)| *other > command);
                flight.members.iter().for_each(|member| self.release(member.job, member.uid));
                let streamed = flight.streamed;
                let early = self.stream_answered(command) || self.spool_answered(command);
                if status.kind == StatusKind::Ok && !early {
                    self.appended(&flight, &status, in_order);
                } else {
                    self.refused(flight, &status, whole && !early);
                }
                // Refused before its literal began: the bytes that were given for it would become the beginning of the
                // next one. Answered before all were given: nobody will give the rest.
                let stale = |c: &mut crate::client::Connection| {
                    streamed && !c.flow().wants_bytes(command) && c.flow().supplied_bytes() > 0
                };
                if self.lane.destination.connection().is_some_and(|c| early || stale(c)) {
                    self.drop_destination();
                }
            }
            _ => {}
        }
    }

    /// Takes a flight off the list of those that are on their way.
    pub(super) fn flight_ends(&mut self, command: CommandId) -> Option<Flight> {
        let flight = self.lane.flights.remove(&command)?;
        self.lane.in_flight -= flight.members.len();
        Some(flight)
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
        self.lane.destination.progress();
        self.quota_refusals = 0;
        self.rests = 0;
        let uid_validity = self.work.targets[flight.target].listing.uid_validity;
        let mut named = match &status.code {
            // More UIDs than messages, or another folder's, are nothing to rely on. They ascend in the order of sending
            // (RFC 4315 section 3, RFC 3502).
            Some(Code::AppendUid { uid_validity: told, uids })
                if (*told == uid_validity || uid_validity == 0)
                    && uids.len() == flight.members.len() as u64 =>
            {
                Some(uids.iter())
            }
            _ => None,
        };
        for member in &flight.members {
            let destination = named.as_mut().and_then(Iterator::next);
            let floor = self
                .floors
                .entry(flight.target)
                .or_insert_with(|| Floor::new(&self.work.targets[flight.target].listing));
            floor.acknowledged(destination, member.identity, in_order);
            self.copied(member.job, member.uid, destination);
        }
    }

    /// The copy is there. Flags that it was refused with are to be stored yet.
    pub(super) fn copied(&mut self, job: usize, uid: u32, destination: Option<u32>) {
        self.done += self.work.jobs[job].listing.row(uid).map_or(0, |row| row.size) + 2048;
        self.decided.remove(&(job, uid));
        if self.plain.contains(&(job, uid)) {
            let has = self.work.harmless_flags(job, uid);
            self.work.jobs[job].bare.insert(uid, Bare { copy: destination, has });
        }
        self.work.settle(job, uid, Outcome::Copied { destination });
    }

    /// An APPEND is refused. Where the server had all of it, it may be there all the same.
    fn refused(&mut self, flight: Flight, status: &Status, whole: bool) {
        let target = self.work.targets[flight.target].text.clone();
        let said = self.lane.destination.said(status);
        let error = |copier: &Self, member: &Member, kind, text: &str| {
            Error::new(kind, format!("{text} {target}"))
                .on(Side::Destination)
                .in_folder(&*copier.work.jobs[member.job].source_text)
                .for_message(member.uid)
                .server_said(said.clone())
        };
        let several = flight.members.len() > 1;
        match classify(status) {
            Refusal::Quota => {
                let text = "the destination is full; could not append to folder";
                for member in flight.members {
                    let error = error(self, &member, ErrorKind::OverQuota, text);
                    self.work.settle(member.job, member.uid, Outcome::Failed(error.clone()));
                    self.quota_refusals += 1;
                    if self.quota_refusals == QUOTA_REFUSALS {
                        self.give_up_for_quota(&error);
                    }
                }
            }
            Refusal::Later(pause) => {
                self.rest(Side::Destination, pause);
                let text = "the server asks to wait; could not append to folder";
                for member in flight.members {
                    let error = error(self, &member, ErrorKind::Append, text).after(Some(pause));
                    self.doubt(flight.target, member, Otherwise::Later(error));
                }
            }
            refusal if several => {
                // A server that does not understand the command may not know such a command at all.
                if refusal == Refusal::BadLiteral {
                    self.distrust(Capability::MULTIAPPEND);
                }
                let half = flight.members.len().div_ceil(2);
                for member in flight.members {
                    self.together.insert((member.job, member.uid), half);
                    self.doubt(flight.target, member, Otherwise::Fewer);
                }
            }
            Refusal::BadLiteral
                if self.destination_has(Capability::LITERAL_PLUS | Capability::LITERAL_MINUS) =>
            {
                // It may have taken the message for commands: this connection is no longer in step.
                self.distrust(Capability::LITERAL_PLUS | Capability::LITERAL_MINUS);
                for member in flight.members {
                    let error = error(self, &member, ErrorKind::Append, "could not append to folder");
                    self.doubt(flight.target, member, Otherwise::Later(error));
                }
                self.drop_destination();
            }
            Refusal::BadLiteral | Refusal::Final => {
                for member in flight.members {
                    // Perhaps it is the flags: once more without those, which are stored afterwards.
                    if member.risky {
                        self.plain.insert((member.job, member.uid));
                        self.doubt_if(whole, flight.target, member, Otherwise::Plain);
                        continue;
                    }
                    let error = error(self, &member, ErrorKind::Append, "could not append to folder");
                    self.doubt_if(whole, flight.target, member, Otherwise::Failed(error));
                }
            }
        }
    }

    /// What cannot have been applied is not looked for.
    fn doubt_if(&mut self, whole: bool, target: usize, member: Member, otherwise: Otherwise) {
        if whole {
            self.doubt(target, member, otherwise);
        } else if self.not_there(member.job, member.uid, otherwise) {
            self.put_back(member.job, vec![member.uid]);
        }
    }

    /// It may have been applied: to be looked for before it is sent again.
    fn doubt(&mut self, target: usize, member: Member, otherwise: Otherwise) {
        let floor =
            self.floors.entry(target).or_insert_with(|| Floor::new(&self.work.targets[target].listing));
        self.doubts.push(Doubt { member, target, above: floor.hold(), otherwise });
    }

    pub(super) fn destination_has(&mut self, any: Capability) -> bool {
        let has = |c: &crate::imap::capability::Capabilities| any.iter().any(|one| c.has(one));
        self.lane.destination.connection().is_some_and(|connection| has(connection.capabilities()))
    }

    /// Every message still waiting fails for the same reason; nothing is fetched for nothing.
    fn give_up_for_quota(&mut self, error: &Error) {
        let reason = Error::new(ErrorKind::OverQuota, "not tried: the destination is full")
            .on(Side::Destination)
            .server_said(error.server_text().unwrap_or_default());
        for piece in self.empty_queues() {
            for uid in piece.uids {
                self.work.settle(piece.job, uid, Outcome::Failed(reason.clone()));
            }
        }
    }

    pub(super) fn destination_lost(&mut self, error: Error) -> Result<(), Error> {
        self.settle_flights();
        if self.lane_is_lost(Side::Destination, &error) {
            return Ok(());
        }
        self.lane.destination.lost(error)
    }

    /// Gives the connection up because it is out of step. What may have been applied is in doubt.
    pub(super) fn drop_destination(&mut self) {
        self.settle_flights();
        self.lane.destination.drop_connection();
    }

    /// The connection is gone: an APPEND whose last byte was handed out may have been applied, the others were not.
    fn settle_flights(&mut self) {
        self.lane.destination_open = None;
        self.lane.selecting.clear();
        self.stream_loses_destination();
        self.spool_loses_destination();
        let groups: Vec<Group> = self.lane.held.drain(..).chain(self.lane.group.take()).collect();
        let mut unsent: Vec<Member> = Vec::new();
        self.lane.in_flight = 0;
        for (id, flight) in std::mem::take(&mut self.lane.flights) {
            // Half a group that is cut off should not be stored either; not every server that was seen is that strict.
            let applied = self.lane.destination.connection().is_none_or(|c| match flight.members.len() {
                1 => c.flow().may_have_been_applied(id),
                _ => c.flow().may_have_begun(id),
            });
            if !applied || broken::is(Broken::ResendsWithoutLooking) {
                unsent.extend(flight.members);
                continue;
            }
            for member in flight.members {
                self.release(member.job, member.uid);
                if broken::is(Broken::CallsLostCopied) {
                    self.work.settle(member.job, member.uid, Outcome::Copied { destination: None });
                } else {
                    self.doubt(flight.target, member, Otherwise::Again);
                }
            }
        }
        unsent.extend(groups.into_iter().flat_map(Group::into_members));
        self.unsend(unsent);
    }
}
