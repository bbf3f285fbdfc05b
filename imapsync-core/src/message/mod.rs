//! Messages as bytes (layer 2): headers, identity, digests, flag rules, transforms.
#![allow(missing_docs)]
pub mod digest;
pub mod flags;
pub mod header;
pub mod identity;
pub mod transform;
pub use digest::{Digest, Digester};
pub use header::HeaderScanner;
pub use identity::{Identity, IdentityRules, Key, rewrite_key};
pub use transform::{MessageTransform, Scope};
