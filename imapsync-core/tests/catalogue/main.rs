//! The fault catalogue: what servers and networks were seen to do wrong, one case for each, and what must hold after
//! every one of them (see `case`). Time is virtual: a case that waits for minutes takes none.
#![allow(missing_docs, unreachable_pub)]
#![cfg(feature = "client")]

mod answer;
mod case;
mod complete;
mod fault;
mod grammar;
mod listing;
mod literals;
mod login;
mod mailbox;
mod names;
mod network;
mod opening;
mod output;
mod peer;
mod removing;
mod semantics;
mod storing;
mod witness;
