//! The program `imapsync`.
fn main() {}
