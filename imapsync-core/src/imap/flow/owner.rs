//! Which command in flight asked for a piece of untagged data.

use super::{CommandId, InFlight, Kind};
use crate::imap::command::{FetchItems, Uids};
use crate::imap::response::{Fetch, Item, Untagged};
use std::collections::VecDeque;

/// The oldest command that asked for such data. Commands behind an unfinished SELECT are not asked: the server has not
/// begun with them, so data about messages still belongs to the folder that is being left.
///
/// A FETCH with a section is not for a command that asked for nothing but flags, where another one asked for the section: Dovecot
/// answers behind a FETCH before it says OK to it. What it has beside the section that was asked for is taken out: it must not
/// be taken for it.
pub(super) fn of(in_flight: &VecDeque<InFlight>, data: &mut Untagged) -> Option<CommandId> {
    let with_section = matches!(data, Untagged::Fetch(fetch) if !fetch.sections.is_empty());
    let wants = |kind: &Kind| matches!(kind, Kind::Fetch { items, .. } if items.wants_section());
    let before_select = || in_flight.iter().take_while(|command| !matches!(command.kind, Kind::Select));
    let wanted =
        with_section && before_select().any(|command| wants(&command.kind) && accepts(&command.kind, data));
    let flags_alone = |kind: &Kind| matches!(kind, Kind::Fetch { items: FetchItems::Flags, .. });
    for command in in_flight {
        if !(wanted && flags_alone(&command.kind)) && accepts(&command.kind, data) {
            if let (Kind::Fetch { items, .. }, Untagged::Fetch(fetch)) = (&command.kind, data) {
                fetch.sections.retain(|(section, _)| items.wants(section));
            }
            return Some(command.id);
        }
        if matches!(command.kind, Kind::Select) {
            return None;
        }
    }
    None
}

/// The oldest command that asked for the section which a large literal at the end of `head` is, and for this message where
/// its UID is known by now: a server may have answered several FETCHes before it says OK to the first.
pub(super) fn of_large_literal(in_flight: &VecDeque<InFlight>, head: &Fetch) -> Option<CommandId> {
    let (section, _) = head.sections.last()?;
    let asked = |uids: &Uids| match head.uid {
        Item::Present(uid) => uids.contains(uid),
        _ => true,
    };
    for command in in_flight {
        match &command.kind {
            Kind::Fetch { uids, items } if items.wants(section) && asked(uids) => return Some(command.id),
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
                && if items.wants_section() {
                    fetch.sections.iter().any(|(section, _)| items.wants(section))
                } else {
                    has_attributes(fetch)
                }
        }
        (
            Kind::Select,
            Untagged::Exists(_) | Untagged::Recent(_) | Untagged::Flags(_) | Untagged::Status(_),
        ) => true,
        (Kind::Search, Untagged::Search(_) | Untagged::Esearch(_)) => true,
        (Kind::Status(mailbox), Untagged::MailboxStatus(status)) => status.name == *mailbox,
        (Kind::List, Untagged::List(_) | Untagged::MailboxStatus(_)) => true,
        (Kind::Lsub, Untagged::Lsub(_)) => true,
        // Some servers answer LSUB with LIST lines.
        (Kind::Namespace, Untagged::Namespace(_)) => true,
        (Kind::Capability | Kind::Authenticate(_), Untagged::Capability(_)) => true,
        (Kind::Enable, Untagged::Enabled(_)) => true,
        (Kind::Id, Untagged::Id(_)) => true,
        (Kind::Expunge, Untagged::Expunge(_) | Untagged::Vanished { .. }) => true,
        (
            Kind::Noop,
            Untagged::Exists(_) | Untagged::Expunge(_) | Untagged::Vanished { .. } | Untagged::Fetch(_),
        ) => true,
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
