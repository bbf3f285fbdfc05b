//! Whole messages on their way into one APPEND: a group with MULTIAPPEND, else one by one.
//!
//! A server stores a group at the cost of a message or two. It leaves when it is full, or when nothing more is coming that
//! could join it. Refused, it is looked for and then split, until the message that is to blame stands alone.

use super::Copier;
use super::intents::Number;
use super::outflow::{Flight, Member};
use crate::imap::capability::Capability;
use crate::imap::command::{Append, Command, Literal, NewMessage};
use crate::imap::flow::CommandId;
use crate::message::{Identity, flags};
use bytes::Bytes;

/// Messages and bytes of one group: more of them gains little, and all of them are in doubt together.
pub(super) const MOST_MESSAGES: usize = 100;
const MOST_BYTES: u64 = 4 << 20;

/// Messages that wait to be sent together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) target: usize,
    members: Vec<Member>,
    messages: Vec<NewMessage>,
    bytes: u64,
    /// As many as its members may travel with.
    most: usize,
    /// The last of the intents that name its members.
    intent: Number,
}

impl Group {
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn into_members(self) -> Vec<Member> {
        self.members
    }
}

impl Copier<'_> {
    /// Puts a message that is whole in memory into the open group.
    pub(super) fn join_group(
        &mut self,
        (job, uid): (usize, u32),
        identity: Option<Identity>,
        intent: Number,
        message: Bytes,
    ) {
        let Some((member, message)) = self.addressed(job, uid, identity, Literal::Bytes(message)) else {
            return;
        };
        let target = self.work.jobs[job].target;
        let most = self.together.get(&(job, uid)).copied().unwrap_or(MOST_MESSAGES).min(self.most_together());
        let bytes = message.message.len();
        let fits = |group: &Group| {
            group.target == target
                && group.members.len() < group.most.min(most)
                && group.bytes + bytes <= MOST_BYTES
        };
        if self.lane.group.as_ref().is_some_and(|group| !fits(group)) {
            self.send_group();
        }
        let group = self.lane.group.get_or_insert_with(|| Group {
            target,
            members: Vec::new(),
            messages: Vec::new(),
            bytes: 0,
            most,
            intent,
        });
        group.most = group.most.min(most);
        group.intent = group.intent.max(intent);
        group.bytes += bytes;
        group.members.push(member);
        group.messages.push(message);
        if group.members.len() >= group.most || group.bytes >= MOST_BYTES {
            self.send_group();
        }
    }

    /// How many messages the server takes in one APPEND.
    fn most_together(&mut self) -> usize {
        if self.destination_has(Capability::MULTIAPPEND) { MOST_MESSAGES } else { 1 }
    }

    /// Sends the open group, where there is one, as soon as it is written down.
    pub(super) fn send_group(&mut self) {
        let group = self.lane.group.take();
        self.lane.held.extend(group);
        self.send_written();
    }

    /// Sends the groups that have been written down, in order.
    fn send_written(&mut self) {
        while self.lane.held.front().is_some_and(|group| self.intents.is_written(group.intent))
            && let Some(group) = self.lane.held.pop_front()
        {
            self.send_now(group);
        }
    }

    fn send_now(&mut self, group: Group) {
        // A connection that was opened meanwhile need not take as many.
        if group.members.len() > self.most_together() {
            return self.unsend(group.members);
        }
        let flight = Flight { target: group.target, members: group.members, streamed: false };
        self.append(flight, group.messages);
    }

    /// Sends the open group where nothing more is coming for it, or something waits for it to be gone.
    pub(super) fn group_leaves(&mut self) {
        let alone = self.lane.stream.is_some() || self.lane.spool.is_some();
        if self.lane.windows.is_empty() || alone || self.stopping {
            self.send_group();
        }
        self.send_written();
    }

    /// Queues the APPEND, behind a SELECT of its folder: some servers append twice as fast to the selected one. None: the
    /// destination is being connected again, and the messages are read once more then.
    pub(super) fn append(&mut self, flight: Flight, messages: Vec<NewMessage>) -> Option<CommandId> {
        let target = flight.target;
        let Some(connection) = self.lane.destination.connection() else {
            self.unsend(flight.members);
            return None;
        };
        let mailbox = self.work.targets[target].name.clone();
        if self.lane.destination_open != Some(target) {
            let id = connection.submit(Command::Select(mailbox.clone()));
            self.lane.selecting.insert(id, (target, 0));
            self.lane.destination_open = Some(target);
        }
        let id = connection.submit(Command::Append(Append { mailbox, messages }));
        self.lane.in_flight += flight.members.len();
        self.lane.flights.insert(id, flight);
        Some(id)
    }

    /// The message with its flags and its date as the destination shall have them.
    pub(super) fn addressed(
        &self,
        job: usize,
        uid: u32,
        identity: Option<Identity>,
        message: Literal,
    ) -> Option<(Member, NewMessage)> {
        let target = &self.work.targets[self.work.jobs[job].target];
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
        Some((Member { job, uid, identity, risky }, NewMessage { flags, date, message }))
    }

    /// Messages that were not sent after all: they are read once more, in runs of one folder, each asked for together.
    pub(super) fn unsend(&mut self, members: Vec<Member>) {
        for run in members.chunk_by(|one, next| one.job == next.job).rev() {
            run.iter().for_each(|member| self.release(member.job, member.uid));
            self.put_back(run[0].job, run.iter().map(|member| member.uid).collect());
        }
    }
}
