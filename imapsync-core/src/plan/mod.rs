//! Two listings and the rules in, decisions out (layer 2). Nothing here does anything: `--dry` is stopping after it.
//!
//! [`match_folder`] finds the copies that are there, the [`Planner`] decides on each source message, its [`Outcome`] is what
//! became of it, and [`deletes`] says what may then be deleted.

pub mod deletes;
mod matching;
mod outcome;
mod planner;
mod remembered;

pub use matching::{Answers, How, Listed, Matching, Pair, Questions, match_folder};
pub use outcome::{Outcome, SkipReason, Tally, TallyBytes};
pub use planner::{Candidate, Decision, PlanRules, Planner};
pub use remembered::pair_remembered;

#[cfg(test)]
mod convergence;
