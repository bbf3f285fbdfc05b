//! The program `imapsync`.
mod options;
fn main() {}
