//! G. Network and time.
