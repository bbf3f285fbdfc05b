//! The program `imapsync`.
mod exit;
mod options;
mod output;
mod settings;
mod signal;
fn main() {}
