//! The one file that names `imap_proto`: the extension responses that it reads well, turned into our own types.
//!
//! It is given ACL, METADATA, QUOTA, QUOTAROOT, SORT and VANISHED, and of these only lines of ASCII without a
//! backslash and without detached literals: it replaces what is no UTF-8 (or panics, in METADATA) and leaves the escapes in quoted strings.
//! Everything a sync depends on is read by [`response`](super::response).

use std::ops::RangeInclusive;

use imap_proto::rfc2087::QuotaResourceName;
use imap_proto::{MailboxDatum, Response};

use super::frame::Line;
use super::name::MailboxName;
use super::response::Untagged;
use super::uidset::UidSet;

#[cfg(test)]
mod tests;

/// `* QUOTA`: the use of one quota root (RFC 9208).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// The root's name, often empty.
    pub root: String,
    /// Its resources.
    pub resources: Vec<QuotaResource>,
}

/// How much of one resource is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaResource {
    /// `STORAGE` (in units of 1024 bytes), `MESSAGE` (messages), or another.
    pub name: String,
    /// In use.
    pub usage: u64,
    /// At most.
    pub limit: u64,
}

/// `* QUOTAROOT`: the quota roots that a folder counts for (RFC 9208).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaRoot {
    /// The folder.
    pub mailbox: MailboxName,
    /// The roots' names.
    pub roots: Vec<String>,
}

/// `* ACL`: who may do what with a folder (RFC 4314).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acl {
    /// The folder.
    pub mailbox: MailboxName,
    /// Identifier and rights, such as `("anna", "lrs")`.
    pub entries: Vec<(String, String)>,
}

/// `* METADATA`: annotations of a folder, or of the server where the name is empty (RFC 5464).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The folder.
    pub mailbox: MailboxName,
    /// Entry name, and value where the server sent one that is not NIL.
    pub entries: Vec<(String, Option<String>)>,
}

/// Reads one of the lines above; None for a line that it cannot be trusted with, or does not understand.
pub(super) fn parse(line: &Line) -> Option<Untagged> {
    let safe = line.bytes.is_ascii() && !line.bytes.contains(&b'\\');
    if !safe || line.literals.iter().any(|literal| literal.detached) {
        return None;
    }
    // Its parsers wait for the line end that framing has taken off.
    let whole = [&line.bytes[..], b"\r\n"].concat();
    match Response::parse(&whole) {
        Ok(([], response)) => convert(response),
        _ => None,
    }
}

fn convert(response: Response<'_>) -> Option<Untagged> {
    let name = |name: &str| MailboxName::from_wire(name.as_bytes());
    Some(match response {
        Response::Vanished { earlier, uids } => Untagged::Vanished { earlier, uids: uid_set(&uids) },
        Response::Quota(quota) => Untagged::Quota(Quota {
            root: quota.root_name.into_owned(),
            resources: quota
                .resources
                .into_iter()
                .map(|resource| QuotaResource {
                    name: resource_name(resource.name),
                    usage: resource.usage,
                    limit: resource.limit,
                })
                .collect(),
        }),
        Response::QuotaRoot(root) => Untagged::QuotaRoot(QuotaRoot {
            mailbox: name(&root.mailbox_name),
            roots: root.quota_root_names.into_iter().map(|root| root.into_owned()).collect(),
        }),
        Response::Acl(acl) => Untagged::Acl(Acl {
            mailbox: name(&acl.mailbox),
            entries: acl
                .acls
                .into_iter()
                .map(|entry| {
                    let rights = entry.rights.into_iter().map(char::from).collect();
                    (entry.identifier.into_owned(), rights)
                })
                .collect(),
        }),
        Response::MailboxData(MailboxDatum::Sort(ids)) => Untagged::Sort(ids),
        Response::MailboxData(MailboxDatum::MetadataSolicited { mailbox, values }) => {
            Untagged::Metadata(Metadata {
                mailbox: name(&mailbox),
                entries: values.into_iter().map(|item| (item.entry, item.value)).collect(),
            })
        }
        Response::MailboxData(MailboxDatum::MetadataUnsolicited { mailbox, values }) => {
            Untagged::Metadata(Metadata {
                mailbox: name(&mailbox),
                entries: values.into_iter().map(|entry| (entry.into_owned(), None)).collect(),
            })
        }
        _ => return None,
    })
}

fn uid_set(ranges: &[RangeInclusive<u32>]) -> UidSet {
    UidSet::from_ranges(ranges.iter().map(|range| (*range.start(), *range.end())))
}

fn resource_name(name: QuotaResourceName<'_>) -> String {
    match name {
        QuotaResourceName::Storage => "STORAGE".to_owned(),
        QuotaResourceName::Message => "MESSAGE".to_owned(),
        QuotaResourceName::Atom(name) => name.into_owned(),
    }
}
