//! Which command in flight asked for a piece of untagged data.

use super::{CommandId, InFlight, Kind, has_section};
use crate::imap::response::{Fetch, Item, Untagged};
use std::collections::VecDeque;

/// The oldest command that asked for such data. Commands behind an unfinished SELECT are not asked: the server has not
/// begun with them, so data about messages still belongs to the folder that is being left.
pub(super) fn of(in_flight: &VecDeque<InFlight>, data: &Untagged) -> Option<CommandId> {
    for command in in_flight {
        if accepts(&command.kind, data) {
            return Some(command.id);
        }
        if matches!(command.kind, Kind::Select) {
            return None;
        }
    }
    None
}

/// A large literal can only be a message section; its UID may not be known yet.
pub(super) fn of_large_literal(in_flight: &VecDeque<InFlight>) -> Option<CommandId> {
    for command in in_flight {
        match &command.kind {
            Kind::Fetch { items, .. } if items.wants_section() => return Some(command.id),
            Kind::Select => return None,
            _ => {}
        }
    }
    None
}

fn accepts(kind: &Kind, data: &Untagged) -> bool {
    match (kind, data) {
        (Kind::Fetch { uids, items }, Untagged::Fetch(fetch)) => {
            matches!(fetch.uid, Item::Present(uid) if uids.contains(uid))
                && if items.wants_section() { has_section(fetch) } else { has_attributes(fetch) }
        }
        (
            Kind::Select,
            Untagged::Exists(_) | Untagged::Recent(_) | Untagged::Flags(_) | Untagged::Status(_),
        ) => true,
        (Kind::Status(mailbox), Untagged::MailboxStatus(status)) => status.name == *mailbox,
        (Kind::List, Untagged::List(_) | Untagged::MailboxStatus(_)) => true,
        (Kind::Lsub, Untagged::Lsub(_)) => true,
        // Some servers answer LSUB with LIST lines.
        (Kind::Namespace, Untagged::Namespace(_)) => true,
        (Kind::Capability | Kind::Authenticate(_), Untagged::Capability(_)) => true,
        (Kind::Enable, Untagged::Enabled(_)) => true,
        (Kind::Id, Untagged::Id(_)) => true,
        (Kind::Search, Untagged::Search(_) | Untagged::Esearch(_)) => true,
        (Kind::Expunge, Untagged::Expunge(_) | Untagged::Vanished { .. }) => true,
        (Kind::Logout, Untagged::Status(_)) => true,
        _ => false,
    }
}

/// A listing row has a size or a date, and servers may send its flags apart.
fn has_attributes(fetch: &Fetch) -> bool {
    !matches!(fetch.size, Item::Absent)
        || !matches!(fetch.internal_date, Item::Absent)
        || !matches!(fetch.flags, Item::Absent)
}
