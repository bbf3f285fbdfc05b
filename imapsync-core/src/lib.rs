//! Copies mailboxes from one IMAP account to another: one way, incrementally, without duplicates, as often as you like.
//!
//! ```no_run
//! # #[cfg(feature = "client")]
//! # async fn example() -> Result<(), imapsync_core::Error> {
//! use imapsync_core::{Account, SyncJob};
//!
//! let old = Account::new("imap.old.example", "alice", "her old password");
//! let new = Account::new("imap.new.example", "alice@new.example", "her new password");
//! let report = SyncJob::new(old, new).run().await?;
//! assert!(report.is_success(), "{:?}", report.errors);
//! # Ok(())
//! # }
//! ```
//!
//! # Three promises
//!
//! They rank above every feature, in this order.
//!
//! 1. **Nothing is lost.** A message of the source is either on the destination, byte for byte as the server took it,
//!    or named in the [`Report`] with the reason. Nothing is deleted on any side before the copy it depends on has been
//!    acknowledged.
//! 2. **Nothing is doubled.** Kill the process at any instant and run it again: the destination converges to the same
//!    state.
//! 3. **The wire is never idle.** The time of a run is what the two servers and the link between need.
//!
//! # How the data flows
//!
//! ```text
//! options ──┐
//!           ▼
//! list both accounts ─► map folders ─► survey both sides ─► plan ─► copy · flags · delete ─► report
//!    (client)            (pure)          (client)          (pure)       (client)        (events all along)
//! ```
//!
//! One direction, no way back: a stage hands plain values to the next. Deciding (pure) and doing (I/O) never mix:
//! `dry` is simply stopping after *plan*.
//!
//! # Layers
//!
//! A module imports from its own layer or from one below; `tests/layering.rs` holds the code to this table.
//!
//! | layer | module | what lives there |
//! |---|---|---|
//! | 0 | [`error`] | one [`Error`]: kind, side, folder, message, what the server said, what to do |
//! | 1 | [`imap`] | the protocol as bytes in, bytes out: framing, responses, commands, the connection's state machine |
//! | 2 | [`folder`], [`substitution`] | which folders, what each is called over there; the users' `s/…/…/` |
//! | 2 | [`message`] | headers, identity, digests, flag rules, transforms |
//! | 2 | [`plan`] | two listings and the rules in, one decision per message out |
//! | 3 | [`account`], [`options`] | plain data that a caller fills in |
//! | 4 | `net` | TCP, TLS, STARTTLS, DEFLATE, certificates, connectors |
//! | 4 | `state` | what earlier runs have done, in memory or in an SQLite file |
//! | 5 | `client` | one IMAP connection for async callers |
//! | 6 | `sync` | the engine: [`SyncJob`], events, report |
//! | - | `testing` (feature) | an IMAP server in this process, with known servers' habits and faults on request |
//!
//! Layers 0-3 know no socket, no file, no clock and no runtime, and build without the default feature `client`.
//!
//! # Dependencies
//!
//! | crate | why |
//! |---|---|
//! | `nom`, `memchr`, `bytes` | the grammar of responses; finding line ends; message bodies as slices of what was read |
//! | `imap-proto` | the grammar of a few rare responses; our own parsers read the rest (see `imap/proto.rs` for why) |
//! | `bitflags`, `chrono`, `thiserror`, `base64` | flags and capabilities, dates, errors, SASL |
//! | `blake3`, `sha2` | identity keys and body digests; certificate fingerprints |
//! | `regex` | users' patterns in linear time |
//! | `tokio`, `tokio-util`, `futures-util`, `socket2` | the runtime, cancellation, waiting for many at once, keepalive |
//! | `tempfile` | large messages on their way through a transform that must see them whole |
//! | `rustls`, `tokio-rustls`, `rustls-webpki`, `webpki-roots`, `rustls-native-certs` | TLS without OpenSSL |
//! | `flate2` | COMPRESS=DEFLATE |
//! | `sqlx` | for `state` alone: SQLite, built in, for a file that survives crashes; the same library speaks to PostgreSQL |
//! | `imap-codec`, `rcgen` | for `testing` alone: a second opinion on commands, certificates made on the spot |
//! | `tracing` | the protocol log (`imapsync::wire`, secrets masked) |
#![forbid(unsafe_code)]

pub mod account;
#[cfg(feature = "client")]
pub mod client;
pub mod error;
pub mod folder;
pub mod imap;
pub mod message;
#[cfg(feature = "client")]
pub mod net;
pub mod options;
pub mod plan;
#[cfg(feature = "client")]
pub mod state;
pub mod substitution;
#[cfg(feature = "client")]
pub mod sync;
#[cfg(feature = "testing")]
pub mod testing;

pub use account::{Account, Compression};
pub use error::{Error, ErrorKind, Side};
pub use options::{Connections, Delete1, Pace, SyncOptions};
#[cfg(feature = "client")]
pub use sync::{Event, Events, Report, SyncJob};
