//! From two listings to a plan: completes the identities, matches both sides, and asks the planner for each message.

use super::broken::{self, Broken};
use super::link::Link;
use super::read::{Answer, Part, Reading, read};
use super::recall::Recall;
use super::survey::Listing;
use super::work::{Job, Mode, Target, Work};
use crate::error::{Error, ErrorKind, Side};
use crate::imap::flag::PermanentFlags;
use crate::imap::name::MailboxName;
use crate::imap::uidset::UidSet;
use crate::message::{Digest, Identity, IdentityRules, flags, rewrite_key};
use crate::options::SyncOptions;
use crate::plan::{
    Answers, Candidate, Decision, How, Listed, Matching, Outcome, PlanRules, Planner, match_folder,
    pair_remembered,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;
use tokio::time::sleep;

/// Questions are asked at most so often: what is not answered then is gone.
const ROUNDS: usize = 4;

/// So long a replica may lag behind.
const LAG: Duration = Duration::from_secs(1);

/// What [`complete_identities`] has found out.
#[derive(Debug, Default)]
pub(crate) struct Completed {
    /// Messages without any header to know them by.
    pub(crate) headerless: u64,
    /// What the server refused, with the place of the folder.
    pub(crate) refusals: Vec<(usize, Error)>,
}

/// Completes the identities of scanned folders on one side: the headers of both rungs, then the bodies of those that have
/// none of these; what got no answer is asked again, for an answer may have been missing. A message that the server never
/// gives stays without.
///
/// # Errors
///
/// Only what ends the run.
pub(crate) async fn complete_identities(
    link: &mut Link,
    rules: &IdentityRules,
    folders: &mut [(MailboxName, &Listing, &mut Vec<Option<Identity>>)],
) -> Result<Completed, Error> {
    let mut completed = Completed::default();
    let mut headerless: BTreeSet<(usize, u32)> = BTreeSet::new();
    let (fields, digests) = (Part::Fields(header_names(rules)), Part::Digests);
    for (round, part) in [&fields, &digests, &fields, &digests].into_iter().enumerate() {
        let mut readings = Vec::new();
        for (folder, (mailbox, listing, identities)) in folders.iter().enumerate() {
            let unknown = listing.rows.iter().zip(identities.iter()).filter(|(_, known)| known.is_none());
            let uids: Vec<u32> = unknown
                .map(|(row, _)| row.uid)
                .filter(|uid| headerless.contains(&(folder, *uid)) == (*part == Part::Digests))
                .collect();
            if !uids.is_empty() {
                let (mailbox, uid_validity) = (mailbox.clone(), listing.uid_validity);
                readings.push(Reading { folder, mailbox, uid_validity, uids, part: part.clone() });
            }
        }
        if round >= 2 && !readings.is_empty() {
            // A connection that was lost meanwhile may have led to a replica that lags behind.
            sleep(LAG).await;
        }
        let refusals = read(link, &readings, |folder, uid, answer| {
            let (_, listing, identities) = &mut folders[folder];
            let Ok(at) = listing.rows.binary_search_by_key(&uid, |row| row.uid) else { return };
            match answer {
                Answer::Fields(header) => {
                    identities[at] = rules.from_header(header);
                    if identities[at].is_none() {
                        headerless.insert((folder, uid));
                    }
                }
                Answer::Flags(_) | Answer::Date(_) => {}
                Answer::Digests { body, .. } => identities[at] = Some(IdentityRules::from_body(body)),
            }
        })
        .await?;
        completed.refusals.extend(refusals);
    }
    // What was given in the end was refused only for a while.
    completed.refusals.retain(|(folder, _)| folders[*folder].2.iter().any(Option::is_none));
    completed.refusals.extend(withheld(link, folders).await?);
    completed.headerless = headerless.len() as u64;
    Ok(completed)
}

/// The folders in which messages stayed unknown although they are there still: the server says that all is well, and does not give
/// them.
async fn withheld(
    link: &mut Link,
    folders: &[(MailboxName, &Listing, &mut Vec<Option<Identity>>)],
) -> Result<Vec<(usize, Error)>, Error> {
    let mut readings = Vec::new();
    for (folder, (mailbox, listing, identities)) in folders.iter().enumerate() {
        let unknown = listing.rows.iter().zip(identities.iter()).filter(|(_, known)| known.is_none());
        let uids: Vec<u32> = unknown.map(|(row, _)| row.uid).collect();
        if !uids.is_empty() {
            let (mailbox, uid_validity, part) = (mailbox.clone(), listing.uid_validity, Part::Flags);
            readings.push(Reading { folder, mailbox, uid_validity, uids, part });
        }
    }
    let mut there: BTreeMap<usize, UidSet> = BTreeMap::new();
    let refusals =
        read(link, &readings, |folder, uid, _| there.entry(folder).or_default().insert(uid)).await?;
    let errors = there.into_iter().map(|(folder, uids)| {
        let error = Error::new(ErrorKind::Fetch, format!("the server does not give messages {uids}"));
        (folder, error.in_folder(folders[folder].0.display()))
    });
    Ok(errors.chain(refusals).collect())
}

/// The header fields of the first two rungs; none: the whole header.
pub(crate) fn header_names(rules: &IdentityRules) -> Vec<String> {
    let mut names: Vec<String> = rules.wanted().into_iter().map(str::to_owned).collect();
    for name in IdentityRules::FALLBACK {
        if !rules.wants_all() && !names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)) {
            names.push(name.to_owned());
        }
    }
    names
}

/// What was decided, not yet acted upon.
pub(crate) struct Judgement(Vec<Judged>);

/// A job, its planner as it stands now, and the decision on each of its messages.
type Judged = (usize, Planner, Vec<(u32, Decision)>);

impl Judgement {
    /// Whether anything of this job would be copied.
    pub(crate) fn copies(&self, job: usize) -> bool {
        self.0.binary_search_by_key(&job, |(at, ..)| *at).is_ok_and(|at| {
            let mut decisions = self.0[at].2.iter();
            decisions.any(|(_, decision)| matches!(decision, Decision::Copy | Decision::NeedDigests(_)))
        })
    }

    /// Makes the decisions the plan: what is settled is told, what is to be copied is queued.
    pub(crate) fn adopt(self, work: &mut Work) {
        for (at, planner, decisions) in self.0 {
            adopt(work, at, planner, decisions);
        }
    }
}

/// Matches the scanned folders with their targets, and with what an interrupted run may have left there, and decides on each
/// of their messages.
///
/// # Errors
///
/// Only what ends the run.
pub(crate) async fn judge(
    source: &mut Link,
    destination: &mut Link,
    options: &SyncOptions,
    append_limit: Option<u64>,
    recall: &Recall,
    work: &mut Work,
) -> Result<Judgement, Error> {
    let rules = options.plan_rules(append_limit);
    let mut known = HashMap::new();
    // Folders that share a target are matched one after the other, each with what the ones before have left.
    let mut waiting: Vec<usize> =
        (0..work.jobs.len()).filter(|at| work.jobs[*at].mode == Mode::Scanned).collect();
    while !waiting.is_empty() {
        let mut now: Vec<usize> = Vec::new();
        waiting.retain(|job| {
            let target = work.jobs[*job].target;
            let free = !now.iter().any(|other| work.jobs[*other].target == target);
            if free {
                now.push(*job);
            }
            !free
        });
        known.extend(match_jobs(source, destination, &rules, work, &now).await?);
    }
    recall.resolve(source, destination, work).await?;
    decide(source, &rules, work, known).await
}

/// The jobs, each with what was read of its messages.
async fn match_jobs(
    source: &mut Link,
    destination: &mut Link,
    rules: &PlanRules,
    work: &mut Work,
    jobs: &[usize],
) -> Result<HashMap<usize, Answers>, Error> {
    let mut answers: HashMap<usize, Answers> = HashMap::new();
    let mut matchings: HashMap<usize, Matching> = HashMap::new();
    for round in 0..ROUNDS {
        let (mut ask_source, mut ask_destination) = (Vec::new(), Vec::new());
        for &at in jobs {
            let (job, target) = (&work.jobs[at], &work.targets[work.jobs[at].target]);
            if matchings.get(&at).is_some_and(|matching| matching.questions.is_empty()) {
                continue;
            }
            let known = answers.entry(at).or_default();
            let (here, there) = (listed(job, target), free(target));
            let (here, there, remembered) = pair_remembered(here, there, &job.partners);
            let mut matching = match_folder(&here, &there, rules, known);
            matching.pairs.extend(remembered);
            let here = (&job.source, job.listing.uid_validity);
            let there = (&target.name, target.listing.uid_validity);
            let ask = |readings: &mut Vec<Reading>, place: (&MailboxName, u32), uids: &[u32], part| {
                if !uids.is_empty() {
                    let (mailbox, uid_validity) = (place.0.clone(), place.1);
                    readings.push(Reading { folder: at, mailbox, uid_validity, uids: uids.to_vec(), part });
                }
            };
            let fields = || Part::Fields(["Date", "From", "Subject"].map(str::to_owned).to_vec());
            let questions = &matching.questions;
            ask(&mut ask_source, here, &questions.digests_source, Part::Digests);
            ask(&mut ask_source, here, &questions.rewrite_source, fields());
            ask(&mut ask_destination, there, &questions.digests_destination, Part::Digests);
            ask(&mut ask_destination, there, &questions.rewrite_destination, fields());
            matchings.insert(at, matching);
        }
        if (ask_source.is_empty() && ask_destination.is_empty()) || round + 1 == ROUNDS {
            break;
        }
        let mut told: Vec<(usize, Side, u32, Told)> = Vec::new();
        let mut told_too: Vec<(usize, Side, u32, Told)> = Vec::new();
        let (one, other) = tokio::join!(
            read(source, &ask_source, |at, uid, answer| told.push((
                at,
                Side::Source,
                uid,
                Told::from(answer)
            ))),
            read(destination, &ask_destination, |at, uid, answer| {
                told_too.push((at, Side::Destination, uid, Told::from(answer)));
            }),
        );
        one?;
        other?;
        for (at, side, uid, told) in told.into_iter().chain(told_too) {
            let answers = answers.entry(at).or_default();
            match told {
                Told::Digest(digest) => answers.learn_digest(side, uid, digest),
                Told::Rewrite(key) => answers.learn_rewrite(side, uid, key),
            }
        }
    }
    for (at, matching) in matchings {
        let target = work.jobs[at].target;
        work.targets[target].taken.extend(matching.pairs.iter().map(|pair| pair.destination));
        let job = &mut work.jobs[at];
        job.pairs = matching.pairs;
        job.doubtful = matching.doubtful;
        let Job { pairs, doubtful, .. } = job;
        pairs.retain(|pair| pair.how == How::Digest || doubtful.binary_search(&pair.source).is_err());
    }
    Ok(answers)
}

enum Told {
    Digest(Digest),
    Rewrite(Option<[u8; 16]>),
}

impl From<Answer<'_>> for Told {
    fn from(answer: Answer<'_>) -> Self {
        match answer {
            Answer::Fields(header) => Self::Rewrite(rewrite_key(header)),
            Answer::Digests { whole, .. } => Self::Digest(whole),
            Answer::Flags(_) | Answer::Date(_) => Self::Rewrite(None),
        }
    }
}

/// The messages that are known, for matching; their flags as far as the destination can hold them.
fn rows<'a>(
    listing: &'a Listing,
    identities: &'a [Option<Identity>],
    permanent: Option<&'a PermanentFlags>,
) -> impl Iterator<Item = Listed> + 'a {
    let both = listing.rows.iter().zip(identities);
    both.filter_map(move |(row, identity)| {
        let identity = match broken::is(Broken::MatchesBySize) {
            true => Some(IdentityRules::from_body(Digest([row.size as u8; 16]))),
            false => *identity,
        };
        let flags = row.flags.as_ref().map_or(0, |flags| flags::fingerprint(flags, permanent));
        identity.map(|identity| Listed { uid: row.uid, size: row.size, identity, flags })
    })
}

fn listed(job: &Job, target: &Target) -> Vec<Listed> {
    rows(&job.listing, &job.identities, target.listing.permanent.as_ref()).collect()
}

fn free(target: &Target) -> Vec<Listed> {
    rows(&target.listing, &target.identities, target.listing.permanent.as_ref())
        .filter(|listed| !target.taken.contains(&listed.uid))
        .collect()
}

/// Asks the planner for every message of the scanned folders, in order of UID; suspects of being duplicates are read
/// first. What the matching has `known` is not read again: by now it may be gone, and its copy would count for nothing.
async fn decide(
    source: &mut Link,
    rules: &PlanRules,
    work: &Work,
    mut known: HashMap<usize, Answers>,
) -> Result<Judgement, Error> {
    let mut judged = Vec::new();
    let mut open: Vec<usize> =
        (0..work.jobs.len()).filter(|at| work.jobs[*at].mode == Mode::Scanned).collect();
    for round in 0..ROUNDS {
        let mut readings = Vec::new();
        let mut undecided = Vec::new();
        for at in open {
            let (planner, decisions) =
                fold(&work.jobs[at], rules, |uid| known.get(&at)?.digest(Side::Source, uid));
            let mut needed: Vec<u32> = decisions
                .iter()
                .filter_map(|(_, decision)| match decision {
                    Decision::NeedDigests(uids) => Some(uids.as_slice()),
                    _ => None,
                })
                .flatten()
                .copied()
                .collect();
            needed.sort_unstable();
            needed.dedup();
            if needed.is_empty() || round + 1 == ROUNDS {
                judged.push((at, planner, decisions));
                continue;
            }
            let (mailbox, uid_validity) = (work.jobs[at].source.clone(), work.jobs[at].listing.uid_validity);
            readings.push(Reading { folder: at, mailbox, uid_validity, uids: needed, part: Part::Digests });
            undecided.push(at);
        }
        if undecided.is_empty() {
            break;
        }
        open = undecided;
        read(source, &readings, |at, uid, answer| {
            if let Answer::Digests { whole, .. } = answer {
                known.entry(at).or_default().learn_digest(Side::Source, uid, whole);
            }
        })
        .await?;
    }
    judged.sort_by_key(|(at, ..)| *at);
    Ok(Judgement(judged))
}

fn fold(
    job: &Job,
    rules: &PlanRules,
    digest: impl Fn(u32) -> Option<Digest>,
) -> (Planner, Vec<(u32, Decision)>) {
    let mut planner = Planner::new(rules.clone(), &job.pairs);
    let mut decisions = Vec::with_capacity(job.listing.rows.len());
    for (row, identity) in job.listing.rows.iter().zip(&job.identities) {
        let decision = match identity {
            Some(identity) => planner.decide(Candidate {
                uid: row.uid,
                size: row.size,
                identity: *identity,
                digest: digest(row.uid).or(broken::is(Broken::CollapsesTwins).then_some(Digest([0; 16]))),
            }),
            // It could not be read: either it is gone, which the copy finds, or it is copied as it is.
            None => Decision::Copy,
        };
        decisions.push((row.uid, decision));
    }
    (planner, decisions)
}

fn adopt(work: &mut Work, at: usize, planner: Planner, decisions: Vec<(u32, Decision)>) {
    work.jobs[at].planner = planner;
    for (uid, decision) in decisions {
        let known = matches!(decision, Decision::Present { how: How::Digest, .. });
        if !known && work.jobs[at].doubtful.binary_search(&uid).is_ok() {
            let text = "another message has the same headers, and could not be read to tell them apart";
            let error = Error::new(ErrorKind::Fetch, text);
            let error = error.in_folder(&*work.jobs[at].source_text).for_message(uid);
            work.settle(at, uid, Outcome::Failed(error));
            continue;
        }
        match decision {
            Decision::Copy | Decision::NeedDigests(_) => work.jobs[at].to_copy.push(uid),
            Decision::Present { destination, how } => {
                work.settle(at, uid, Outcome::Present { destination, how })
            }
            Decision::Duplicate { of } => work.jobs[at].duplicates.push((uid, of)),
            Decision::Skip(reason) => work.settle(at, uid, Outcome::Skipped(reason)),
        }
    }
}
