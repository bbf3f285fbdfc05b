//! Measures imapsync beside its peers: starts servers of its own, fills them, lets all programs do the same work in
//! turn, looks at the results with a client of its own, and prints one table of medians and ratios for each scenario.
//!
//! ```text
//! cargo run --release -p imapsync-benches --bin peers -- --list
//! cargo run --release -p imapsync-benches --bin peers -- first-copy tiny --times 5
//! ```

mod corpus;
mod machine;
mod measure;
mod million;
mod plot;
mod proxy;
mod run;
mod scenario;
mod servers;
mod table;
#[cfg(test)]
mod tests;
mod tools;
mod verify;
mod zero_cost;

use clap::{Arg, ArgAction, Command, value_parser};
use scenario::{Field, Phase, SCENARIOS, Scenario};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tools::Tool;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let done = match args.first().and_then(|first| first.to_str()) {
        Some("measure") => measure::between(&args[1..]),
        Some("zero-cost") => zero_cost::run(&args[1..]),
        Some("made-servers") => million::serve(&args[1..]),
        _ => compare(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn command() -> Command {
    let number = |name: &'static str, default: &'static str| {
        Arg::new(name).long(name).default_value(default).value_parser(value_parser!(u64))
    };
    Command::new("peers")
        .about("Measures imapsync beside mbsync, interimap, mailutil and any imapsync on PATH")
        .arg(Arg::new("what").num_args(0..).help(
            "scenarios (see --list) and, to see only some of their work: first-copy, nothing, increment",
        ))
        .arg(Arg::new("list").long("list").action(ArgAction::SetTrue).help("what there is"))
        .arg(number("times", "3").help("repetitions"))
        .arg(Arg::new("quick").long("quick").action(ArgAction::SetTrue).help("a fiftieth of the mail, once"))
        .arg(number("limit", "600").help("seconds after which a program is ended"))
        .arg(
            Arg::new("us").long("us").value_name("NAME=PATH").action(ArgAction::Append).help(
                "an imapsync of ours; the first is what others are compared with [default: it is built]",
            ),
        )
        .arg(
            Arg::new("connections")
                .long("connections")
                .value_delimiter(',')
                .value_parser(value_parser!(usize))
                .help("run ours with --connections N, too"),
        )
        .arg(
            Arg::new("zero-cost")
                .long("zero-cost")
                .default_value("1,2")
                .value_delimiter(',')
                .value_parser(value_parser!(usize))
                .help("connections of the zero-cost client on each side"),
        )
        .arg(
            Arg::new("tools")
                .long("tools")
                .value_delimiter(',')
                .help("only these: ours, mbsync, interimap, mailutil, imapsync, zero-cost"),
        )
        .arg(
            Arg::new("out")
                .long("out")
                .value_parser(value_parser!(PathBuf))
                .help("where table.md, plot.svg and the programs' output go [default: target/peers]"),
        )
}

/// Where cargo keeps what it builds, this program included.
fn target() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    own.ancestors().nth(2).map(PathBuf::from).ok_or_else(|| "peers: no target directory".to_owned())
}

/// Builds the program of this workspace.
fn build() -> Result<PathBuf, String> {
    let target = target()?;
    let status = std::process::Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["build", "--release", "--locked", "-p", "imapsync-cli", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    match status {
        Ok(status) if status.success() => Ok(target.join("release/imapsync")),
        other => Err(format!("cargo build: {other:?}")),
    }
}

fn compare() -> Result<(), String> {
    let args = command().get_matches();
    if args.get_flag("list") {
        for Scenario { name, about, phases, .. } in SCENARIOS {
            println!(
                "{name:16} {about} ({})",
                phases.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ")
            );
        }
        println!("{:16} {}", million::NAME, million::ABOUT);
        return Ok(());
    }
    let words: Vec<&str> =
        args.get_many::<String>("what").into_iter().flatten().map(String::as_str).collect();
    let mut phases: Vec<Phase> =
        Phase::ALL.into_iter().filter(|phase| words.contains(&phase.name())).collect();
    let names: Vec<&str> =
        words.into_iter().filter(|word| Phase::ALL.iter().all(|phase| phase.name() != *word)).collect();
    if let Some(name) =
        names.iter().find(|name| **name != million::NAME && SCENARIOS.iter().all(|one| one.name != **name))
    {
        return Err(format!("no scenario is called {name}; --list names all"));
    }
    if names.is_empty() {
        return Err("name one scenario at least; --list names all".to_owned());
    }
    if phases.is_empty() {
        phases = Phase::ALL.to_vec();
    }
    let quick = args.get_flag("quick");
    let times = if quick { 1 } else { *args.get_one::<u64>("times").expect("it has a default") as usize };
    let out = match args.get_one::<PathBuf>("out") {
        Some(out) => out.clone(),
        None => target()?.join("peers"),
    };
    std::fs::create_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    let ours: Vec<(String, PathBuf)> = match args.get_many::<String>("us") {
        None => vec![("ours".to_owned(), build()?)],
        Some(all) => all
            .map(|one| one.split_once('=').unwrap_or(("ours", one)))
            .map(|(name, path)| (name.to_owned(), path.into()))
            .collect(),
    };
    let connections: Vec<usize> = args.get_many("connections").into_iter().flatten().copied().collect();
    let zero: Vec<usize> = args.get_many("zero-cost").into_iter().flatten().copied().collect();
    let only: Option<Vec<&str>> =
        args.get_many::<String>("tools").map(|all| all.map(String::as_str).collect());
    let wanted = |name: &str| only.as_ref().is_none_or(|only| only.contains(&name));

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let limit = Duration::from_secs(*args.get_one::<u64>("limit").expect("it has a default"));
    let mut tables = Vec::new();
    let mut failed = None;
    let mut text = machine::describe();
    for scenario in SCENARIOS.iter().filter(|scenario| names.contains(&scenario.name)) {
        let one = scenario.field == Field::Connections;
        let mut tools = Vec::new();
        for (name, path) in ours.iter().filter(|_| wanted("ours")) {
            let counts = connections.iter().copied().chain(one.then_some(1)).map(|count| (Some(count), true));
            for (connections, state) in [(None, true), (None, false)].into_iter().chain(counts) {
                tools.push(Tool::Ours { name: name.clone(), path: path.clone(), connections, state });
            }
        }
        tools.extend(wanted("mbsync").then_some(Tool::Mbsync));
        if !one {
            tools.extend(wanted("interimap").then_some(Tool::Interimap));
            // One turn for each message and side: minutes on a long line, so only where it is asked for by name.
            let long = scenario.round_trip.is_some_and(|time| !time.is_zero()) && only.is_none();
            tools.extend((wanted("mailutil") && !long).then_some(Tool::Mailutil));
            let other = tools::on_path("imapsync").filter(|path| ours.iter().all(|(_, own)| own != path));
            tools.extend(other.filter(|_| wanted("imapsync")).map(Tool::Imapsync));
            tools.extend(zero.iter().filter(|_| wanted("zero-cost")).map(|count| Tool::ZeroCost(*count)));
        }
        tools.retain(|tool| match tool.missing() {
            Some(why) => {
                eprintln!("{}: {} is left out: {why}", scenario.name, tool.name());
                false
            }
            None => true,
        });
        let (phases, tools) = (&phases[..], &tools[..]);
        let settings = run::Settings { times, quick, phases, tools, limit, logs: &out, runtime: &runtime };
        let rows = match run::run(scenario, &settings) {
            Ok(rows) => rows,
            Err(error) => {
                failed = Some(format!("{}: {error}", scenario.name));
                eprintln!("peers: {}: {error}", scenario.name);
                continue;
            }
        };
        text += &table::table(scenario.name, scenario.about, &rows, &ours[0].0);
        tables.push((scenario.name.to_owned(), rows));
    }
    let find = |name: &str| tables.iter().find(|(title, _)| title == name).map(|(_, rows)| rows);
    if let Some((near, far)) = find("k1-20ms").zip(find("k1-100ms")) {
        text += &table::round_trips(near, far, 80.0);
    }
    if names.contains(&million::NAME) {
        text += &million::measure(&ours, quick, times, &out, limit)?;
    }
    println!("{text}");
    let picture = plot::svg(&tables, &ours[0].0);
    for (name, content) in [("table.md", text), ("plot.svg", picture)] {
        std::fs::write(out.join(name), content).map_err(|error| format!("{name}: {error}"))?;
    }
    eprintln!("{} has table.md, plot.svg and what the programs said", out.display());
    failed.map_or(Ok(()), Err)
}
