//! How many instructions a message costs on its way from the socket to a parsed response, counted by valgrind's callgrind:
//! the same on every run and under any load.
//!
//! ```text
//! cargo run --release -p imapsync-benches --bin instructions
//! ```
//!
//! Fails where one is above its limit; says so and does nothing where valgrind is missing.

mod streams;

use std::process::{Command, ExitCode};

/// What is read: name, and the instructions that one response may cost. The limits are a quarter above what was counted
/// last; whoever makes it cheaper lowers them.
const STREAMS: [(&str, u64); 3] = [("listing", 11_200), ("headers", 6_600), ("bodies", 9_000)];

fn stream(name: &str) -> (Vec<u8>, usize) {
    match name {
        "listing" => (streams::listing(1_000).into_bytes(), 1_000),
        "headers" => (streams::headers(1_000).into_bytes(), 1_000),
        _ => (streams::bodies(2 << 10, 1_000), 1_000),
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [name, rounds] = &args[..] {
        let (stream, responses) = stream(name);
        for _ in 0..rounds.parse().expect("a number of rounds") {
            assert_eq!(streams::read(&stream, true).0, responses);
        }
        return ExitCode::SUCCESS;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("valgrind is not on PATH: nothing was counted");
        return ExitCode::SUCCESS;
    }
    let mut good = true;
    for (name, limit) in STREAMS {
        let responses = stream(name).1 as u64;
        // What a round costs is the difference between three of them and one: start-up and the making of the stream go out.
        let each = (count(name, 3) - count(name, 1)) / 2 / responses;
        println!("{name:10} {each:6} instructions for each response, {limit} at most");
        good &= each <= limit;
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Instructions of this program while it reads a stream so often.
fn count(name: &str, rounds: u32) -> u64 {
    let own = std::env::current_exe().expect("the program has a path");
    let out = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(own)
        .args([name, &rounds.to_string()])
        .output()
        .expect("valgrind runs");
    let text = String::from_utf8_lossy(&out.stderr);
    let found = text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    found.unwrap_or_else(|| panic!("callgrind counted nothing: {text}"))
}
