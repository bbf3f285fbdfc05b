//! A million messages in one folder, against a hundred thousand: two servers of the library in one process of their
//! own (this program again, with `made-servers` as its first argument). Bodies are made when they are read, and of what
//! arrives only lengths and digests are kept.

use crate::measure::Program;
use crate::table::median;
use imapsync_core::testing::{Body, Server};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

pub(crate) const NAME: &str = "million";
pub(crate) const ABOUT: &str =
    "1,000,000 messages of 400 bytes in one folder against 100,000, servers of the library";

const OFFERS: &str = "IMAP4rev1 LITERAL+ MULTIAPPEND UIDPLUS NAMESPACE ENABLE CONDSTORE ESEARCH LIST-EXTENDED \
    LIST-STATUS SPECIAL-USE CHILDREN UNSELECT STATUS=SIZE ID";

/// The process with the servers: prints their ports and, when its standard input ends, whether the copy is good.
pub(crate) fn serve(args: &[OsString]) -> Result<(), String> {
    let count = args
        .first()
        .and_then(|count| count.to_str()?.parse::<u64>().ok())
        .ok_or("made-servers: how many?")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let _inside = runtime.enter();
    let (source, destination) = (Server::new(OFFERS), Server::new(OFFERS));
    for number in 1..=count {
        source.mail().folder("INBOX").add(Body::made(number, 400), &["\\Seen"]);
    }
    destination.mail().keep_at_most = 0;
    let listen = |server: &Server| server.listen().map_err(|error| error.to_string());
    let (from, to) = (listen(&source)?, listen(&destination)?);
    println!("{} {}", from.address.port(), to.address.port());
    std::io::stdin().read_to_end(&mut Vec::new()).map_err(|error| error.to_string())?;
    let digests = |server: &Server| {
        let mut all: Vec<_> =
            server.messages("INBOX").iter().map(|one| (one.body.digest(), one.flags.clone())).collect();
        all.sort();
        all
    };
    let (mine, theirs) = (digests(&source), digests(&destination));
    println!(
        "{}",
        if mine == theirs { "identical".to_owned() } else { format!("WRONG: {} arrived", theirs.len()) }
    );
    Ok(())
}

/// Measures both sizes; the table.
pub(crate) fn measure(
    ours: &[(String, PathBuf)],
    quick: bool,
    times: usize,
    out: &Path,
    limit: Duration,
) -> Result<String, String> {
    let sizes: [u64; 2] = if quick { [1_000, 10_000] } else { [100_000, 1_000_000] };
    let mut text = format!(
        "### {NAME}: {ABOUT}\n\n| program | messages | time, s | its CPU, s | memory, MiB | result |\n|---|--:|--:|--:|--:|---|\n"
    );
    for (name, path) in ours {
        let mut medians = Vec::new();
        for count in sizes {
            let (mut walls, mut cpus, mut memories, mut results) = (vec![], vec![], vec![], Vec::new());
            for _ in 0..times {
                let (cost, result) = once(path, count, out, limit)?;
                eprintln!("{NAME:16} {count:12} {name:24} {:8.3} s", cost.wall.as_secs_f64());
                walls.push(cost.wall.as_secs_f64());
                cpus.push(cost.cpu.as_secs_f64());
                memories.push(cost.memory as f64 / f64::from(1 << 20));
                let result = if cost.succeeded { result } else { format!("**FAILED**, {result}") };
                if !results.contains(&result) {
                    results.push(result);
                }
            }
            let [wall, cpu, memory] =
                [walls, cpus, memories].map(|values| median(values).unwrap_or(f64::NAN));
            text += &format!(
                "| {name} | {count} | {wall:.2} | {cpu:.2} | {memory:.0} | {} |\n",
                results.join("; ")
            );
            medians.push(wall);
        }
        text += &format!(
            "\nTen times the messages took {name} {:.1} times as long.\n\n",
            medians[1] / medians[0]
        );
    }
    Ok(text)
}

fn once(
    path: &Path,
    count: u64,
    out: &Path,
    limit: Duration,
) -> Result<(crate::measure::Cost, String), String> {
    let told = |error: std::io::Error| error.to_string();
    let mut servers = std::process::Command::new(std::env::current_exe().map_err(told)?)
        .args(["made-servers", &count.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(told)?;
    let mut lines = BufReader::new(servers.stdout.take().expect("it is piped")).lines();
    let mut line = || lines.next().ok_or("the servers have ended")?.map_err(|error| error.to_string());
    let ports = line()?;
    let (from, to) = ports.split_once(' ').ok_or("the servers name two ports")?;
    let words = ["--host1", "127.0.0.1", "--port1", from, "--user1", "u", "--nossl1", "--notls1"];
    let other = ["--host2", "127.0.0.1", "--port2", to, "--user2", "u", "--nossl2", "--notls2"];
    let mut program = Program::new(path).args(words).args(other);
    program.env = vec![("IMAPSYNC_PASSWORD1", "pass".to_owned()), ("IMAPSYNC_PASSWORD2", "pass".to_owned())];
    let cost = program.run(&out.join(format!("{NAME}-{count}.log")), limit)?;
    drop(servers.stdin.take());
    let result = line()?;
    servers.wait().map_err(told)?;
    Ok((cost, result))
}
