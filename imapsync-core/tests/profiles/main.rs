//! Every known server (`Profile::ALL`) as source and as destination, with an account of all the odd things that mail
//! accounts hold, against tables of what each makes of it. Time is virtual.
#![allow(missing_docs, unreachable_pub)]
#![cfg(feature = "client")]

mod account;
mod directions;
mod expected;
mod habits;
mod limits;
mod matrix;
