//! Layer 4: getting a byte stream to a server, in clear or through TLS, and telling plainly why not.
//!
//! ```text
//! Account ── policy() ──► Policy { attempts, … } ──► Connector::connect ──► Connected { stream, tls, notices }
//!                                                     Connector::upgrade (after STARTTLS)
//! ```
//!
//! Nothing here speaks IMAP. The caller takes the [`Attempt`]s in order; an error for which [`try_next`] says so
//! means that the port is closed and that the next one may be tried, any other error is final.
//!
//! Besides tokio and rustls it needs flate2 for COMPRESS=DEFLATE, socket2 for keepalive, webpki-roots and
//! rustls-native-certs for authorities, and webpki, which is rustls's own verifier, for two facts that rustls keeps to
//! itself: whether a certificate is self-signed, and its names when something else is wrong as well.

mod connector;
mod deflate;
pub mod fingerprint;
mod memory;
mod policy;
mod prompt;
mod tcp;
mod tls;
mod verify;

pub use connector::{BoxFuture, BoxStream, Connected, Connector, NetConnector, Resolver, Stream, TlsInfo};
pub(crate) use deflate::Deflated;
pub use memory::MemoryConnector;
pub use policy::{Attempt, Policy, Security, Verify, policy, probe_patience, try_next};

#[cfg(test)]
mod tests;
