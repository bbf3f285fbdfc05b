//! An IMAP server in this process, with faults on request (feature `testing`).
//!
//! For tests of this crate, for embedders who want to see what their program does when a server misbehaves, and for
//! demonstrations. It reads commands with code of its own and has them judged by `imap-codec`; it shares nothing with
//! the client but the type of a byte stream.
//!
//! ```
//! use imapsync_core::testing::{self, Act, Server};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
//! let (old, new) = (Server::new("IMAP4rev1 UIDPLUS LITERAL+"), Server::new("IMAP4rev1 UIDPLUS LITERAL+"));
//! for n in 1..=3 {
//!     old.mail().folder("INBOX").add(format!("Message-Id: <{n}@example.org>\r\n\r\nNumber {n}\r\n"), &["\\Seen"]);
//! }
//! // The second APPEND is done, but the connection is lost before the client hears of it.
//! new.hook(|_, call| if call.appends() && call.nth == 2 { Act::Lose } else { Act::Pass });
//!
//! let report = testing::job(&old, &new).run().await.unwrap();
//! assert!(report.is_success());
//! assert_eq!(new.bodies("INBOX"), old.bodies("INBOX"));
//! # });
//! ```

mod body;
mod certificate;
mod command;
mod dice;
mod folder;
mod gauge;
mod hook;
mod judge;
mod labels;
mod listen;
mod mail;
mod naming;
mod order;
mod output;
mod pair;
mod profile;
mod quirks;
pub mod script;
mod server;
mod session;
mod set;
mod storing;
mod syntax;
mod throttle;
mod utf7;
mod wire;

pub use body::Body;
pub use certificate::Certificate;
pub use dice::Dice;
pub use folder::{Folder, Message};
pub use gauge::Gauge;
pub use hook::{Act, Call, Edit, Stage};
pub use listen::Listening;
pub use mail::Mail;
pub use pair::{account, connector, job};
pub use profile::Profile;
pub use quirks::{
    AppendedFlags, Dates, DeletedParents, Ghosts, Keywords, Parents, Quirks, Rewrite, Throttle, Throttled,
    TryCreate, TurnedAway, Validity,
};
pub use script::{Fired, Kind, Script, Unreadable};
pub use server::{MailGuard, Server};
