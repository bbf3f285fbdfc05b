//! B. Grammar and untagged data.
