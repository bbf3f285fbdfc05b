//! Finds a name for messages that a report must name: their Message-Id and their subject.

use super::link::Link;
use super::read::{Answer, Part, Reading, read};
use super::work::Work;
use crate::imap::text::escape;
use crate::message::header::fields;
use crate::plan::Outcome;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// So many messages are given a title; the others have folder, UID and size.
const MOST: usize = 2000;
/// Longest title shown.
const LONGEST: usize = 200;
/// A title is worth this much waiting.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads the titles of skipped and failed messages. What cannot be read stays without.
pub(crate) async fn find(link: &mut Link, work: &mut Work) {
    let numbers: HashMap<&str, usize> =
        work.jobs.iter().enumerate().map(|(at, job)| (&*job.source_text, at)).collect();
    let mut readings: Vec<Reading> = Vec::new();
    let mut wanted: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for message in work.ledger.report.named.iter().take(MOST) {
        if !matches!(message.outcome, Outcome::Vanished)
            && let Some(at) = numbers.get(&*message.folder)
        {
            wanted.entry(*at).or_default().push(message.uid);
        }
    }
    let part = Part::Fields(vec!["Message-Id".to_owned(), "Subject".to_owned()]);
    for (at, uids) in wanted {
        readings.push(Reading {
            folder: at,
            mailbox: work.jobs[at].source.clone(),
            uid_validity: work.jobs[at].listing.uid_validity,
            uids,
            part: part.clone(),
        });
    }
    if readings.is_empty() {
        return;
    }
    let mut found: HashMap<(usize, u32), String> = HashMap::new();
    let reading = read(link, &readings, |at, uid, answer| {
        if let Answer::Fields(header) = answer {
            found.insert((at, uid), title(header));
        }
    });
    // A report without titles is better than none.
    let _ = tokio::time::timeout(PATIENCE, reading).await;
    for message in &mut work.ledger.report.named {
        if let Some(at) = numbers.get(&*message.folder)
            && let Some(title) = found.remove(&(*at, message.uid))
        {
            message.title = title;
        }
    }
}

fn title(header: &[u8]) -> String {
    let value = |wanted: &str| {
        let mut all = fields(header).filter(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()));
        all.next().map(|(_, value)| escape(value.trim_ascii(), LONGEST)).filter(|text| !text.is_empty())
    };
    let known: Vec<String> = ["message-id", "subject"].into_iter().filter_map(value).collect();
    known.join(" ")
}
