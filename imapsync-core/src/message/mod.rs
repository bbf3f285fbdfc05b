//! One message: its header, what makes it the same message elsewhere, its flags, and changes on the way (layer 2).

pub mod digest;
pub mod flags;
pub mod header;
pub mod identity;
pub mod transform;

pub use digest::{Digest, Digester};
pub use header::HeaderScanner;
pub use identity::{Identity, IdentityRules, Key, rewrite_key};
pub use transform::{MessageTransform, Scope};
