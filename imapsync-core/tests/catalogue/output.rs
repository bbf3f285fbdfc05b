//! H. Output and secrets.
