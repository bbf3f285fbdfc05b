//! Runs a scenario: the programs take turns, each with an empty account on the destination for every repetition.

use crate::corpus::{self, Text};
use crate::measure::Cost;
use crate::proxy::{Proxy, Traffic};
use crate::scenario::{Phase, Scenario};
use crate::servers::Server;
use crate::tools::{End, Task, Tool};
use crate::verify::{self, Account, Verdict};
use crate::zero_cost;
use std::path::Path;
use std::time::Duration;

/// One run of a program.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) cost: Cost,
    /// Of both servers together.
    pub(crate) server_cpu: Duration,
    /// Of the source, then of the destination, where it was counted.
    pub(crate) traffic: Option<[Traffic; 2]>,
    /// What an independent look found afterwards.
    pub(crate) verdict: Option<Verdict>,
}

/// All runs of one program for one phase, in the order of the repetitions.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) phase: Phase,
    pub(crate) tool: String,
    pub(crate) samples: Vec<Sample>,
}

/// How it is measured.
pub(crate) struct Settings<'a> {
    pub(crate) times: usize,
    pub(crate) quick: bool,
    /// Those that are wanted; the scenario may have fewer.
    pub(crate) phases: &'a [Phase],
    pub(crate) tools: &'a [Tool],
    /// A run that takes longer is ended.
    pub(crate) limit: Duration,
    /// Where the last output of each program is left.
    pub(crate) logs: &'a Path,
    pub(crate) runtime: &'a tokio::runtime::Runtime,
}

struct Stage<'a> {
    scenario: &'a Scenario,
    settings: &'a Settings<'a>,
    source: Server,
    destination: Server,
    lines: Option<[Proxy; 2]>,
    text: Text,
    rows: Vec<Row>,
}

/// Measures a scenario; the rows come by phase and tool.
pub(crate) fn run(scenario: &Scenario, settings: &Settings<'_>) -> Result<Vec<Row>, String> {
    let told = |error: std::io::Error| error.to_string();
    let (source, destination) = (Server::start(scenario.source)?, Server::start(scenario.destination)?);
    let port = |server: &Server| if scenario.tls { server.tls_port } else { server.port };
    let connect = |time| {
        settings.runtime.block_on(async {
            Ok([Proxy::start(port(&source), time).await?, Proxy::start(port(&destination), time).await?])
        })
    };
    let lines = scenario.round_trip.map(connect);
    let lines = lines.transpose().map_err(told)?;
    let text = Text::new();
    let rows = Vec::new();
    let mut stage = Stage { scenario, settings, source, destination, lines, text, rows };
    stage.measure()?;
    let order = |row: &Row| Phase::ALL.iter().position(|phase| *phase == row.phase);
    stage.rows.sort_by_key(order);
    Ok(stage.rows)
}

impl Stage<'_> {
    fn wanted(&self, phase: Phase) -> bool {
        self.settings.phases.contains(&phase) && self.scenario.phases.contains(&phase)
    }

    fn measure(&mut self) -> Result<(), String> {
        let told = |error: std::io::Error| error.to_string();
        let (corpus, quick) = (self.scenario.corpus, self.settings.quick);
        let folders = corpus.make(quick);
        let template = self.source.user();
        corpus::write(&self.source.maildir(&template), &folders, &self.text).map_err(told)?;
        for tool in self.settings.tools {
            if let Tool::ZeroCost(connections) = tool {
                let dir = self.streams(*connections);
                zero_cost::prepare(&dir, &folders, &self.text, *connections).map_err(told)?;
            }
        }
        let warming = self.streams(0);
        zero_cost::prepare(&warming, &folders, &self.text, 1).map_err(told)?;
        self.warm(&template)?;
        for repetition in 0..self.settings.times {
            let changes = self.wanted(Phase::Increment);
            let from = if changes { self.copy_of(&template)? } else { template.clone() };
            let original = verify::read(self.source.port, &from, self.source.prefix())?;
            let mut runs = Vec::new();
            // Nobody is always the first.
            let mut tools: Vec<&Tool> = self.settings.tools.iter().collect();
            tools.rotate_left(repetition % self.settings.tools.len().max(1));
            for tool in tools {
                let to = self.destination.user();
                let state = self.source.scratch().join(format!("state-{to}"));
                if !self.once(tool, Phase::FirstCopy, &from, &to, &state)? {
                    continue;
                }
                let again = self.wanted(Phase::Nothing) && tool.repeats();
                if again {
                    // What a program wrote itself is news to it in the run after.
                    if !matches!(tool, Tool::ZeroCost(_)) {
                        self.uncounted(tool, &from, &to, &state)?;
                    }
                    self.once(tool, Phase::Nothing, &from, &to, &state)?;
                }
                self.judge(
                    tool,
                    &[Phase::FirstCopy, Phase::Nothing][..1 + usize::from(again)],
                    &original,
                    &to,
                )?;
                runs.push((tool, to, state));
            }
            if changes {
                let mut folders = corpus.make(quick);
                corpus::change(&self.source.maildir(&from), &mut folders, &self.text).map_err(told)?;
                self.warm(&from)?;
                let original = verify::read(self.source.port, &from, self.source.prefix())?;
                for (tool, to, state) in &runs {
                    if tool.repeats() && !matches!(tool, Tool::ZeroCost(_)) {
                        self.once(tool, Phase::Increment, &from, to, state)?;
                        self.judge(tool, &[Phase::Increment], &original, to)?;
                    }
                }
                self.source.forget(&from);
            }
            runs.iter().for_each(|(_, to, _)| self.destination.forget(to));
        }
        let wanted: Vec<Phase> = Phase::ALL.into_iter().filter(|phase| self.wanted(*phase)).collect();
        self.rows.retain(|row| wanted.contains(&row.phase));
        Ok(())
    }

    fn streams(&self, connections: usize) -> std::path::PathBuf {
        self.source.scratch().join(format!("streams-{connections}"))
    }

    /// Runs a tool once more.
    fn uncounted(&self, tool: &Tool, from: &str, to: &str, state: &Path) -> Result<(), String> {
        let streams = self.streams(0);
        let task = self.task(false, from, to, state, &streams);
        let program = tool.program(&task).map_err(|error| error.to_string())?;
        program.run(&self.settings.logs.join("uncounted.log"), self.settings.limit)?;
        Ok(())
    }

    fn task<'b>(&self, copies: bool, from: &str, to: &str, state: &'b Path, streams: &'b Path) -> Task<'b> {
        let end = |server: &Server, line: usize, user: &str| End {
            port: match &self.lines {
                Some(lines) => lines[line].port,
                None if self.scenario.tls => server.tls_port,
                None => server.port,
            },
            user: user.to_owned(),
            prefix: server.prefix(),
            ca: server.ca(),
        };
        Task {
            source: end(&self.source, 0, from),
            destination: end(&self.destination, 1, to),
            tls: self.scenario.tls,
            state,
            streams,
            copies,
        }
    }

    /// Runs a tool for a phase and notes what it cost; false where it cannot do this.
    fn once(
        &mut self,
        tool: &Tool,
        phase: Phase,
        from: &str,
        to: &str,
        state: &Path,
    ) -> Result<bool, String> {
        let streams = self.streams(if let Tool::ZeroCost(connections) = tool { *connections } else { 0 });
        let task = self.task(phase == Phase::FirstCopy, from, to, state, &streams);
        if !tool.can(&task) {
            return Ok(false);
        }
        let program = tool.program(&task).map_err(|error| error.to_string())?;
        let traffic = |lines: &[Proxy; 2]| lines.each_ref().map(Proxy::traffic);
        let (cpu, counted) = (self.cpu(), self.lines.as_ref().map(traffic));
        let name =
            format!("{}-{}-{}.log", self.scenario.name, phase.name(), tool.name().replace(['/', ' '], "_"));
        let cost = program.run(&self.settings.logs.join(&name), self.settings.limit)?;
        // What the servers do after the client has gone belongs to the run, too.
        std::thread::sleep(Duration::from_millis(50));
        let traffic = self
            .lines
            .as_ref()
            .map(traffic)
            .zip(counted)
            .map(|(after, before)| [after[0].since(before[0]), after[1].since(before[1])]);
        let server_cpu = self.cpu().saturating_sub(cpu);
        eprintln!(
            "{:16} {:12} {:24} {:8.3} s{}",
            self.scenario.name,
            phase.name(),
            tool.name(),
            cost.wall.as_secs_f64(),
            if cost.succeeded { "" } else { "  FAILED, see its log" }
        );
        let sample = Sample { cost, server_cpu, traffic, verdict: None };
        let name = tool.name();
        match self.rows.iter_mut().find(|row| row.phase == phase && row.tool == name) {
            Some(row) => row.samples.push(sample),
            None => self.rows.push(Row { phase, tool: name, samples: vec![sample] }),
        }
        Ok(true)
    }

    /// Compares the destination with what was to be copied and notes the verdict on the last runs of these phases.
    fn judge(&mut self, tool: &Tool, phases: &[Phase], original: &Account, to: &str) -> Result<(), String> {
        let copy = verify::read(self.destination.port, to, self.destination.prefix())?;
        let verdict = verify::compare(original, &copy);
        let name = tool.name();
        for row in self.rows.iter_mut().filter(|row| row.tool == name && phases.contains(&row.phase)) {
            if let Some(sample) = row.samples.last_mut() {
                sample.verdict = Some(verdict);
            }
        }
        Ok(())
    }

    fn cpu(&self) -> Duration {
        self.source.cpu() + self.destination.cpu()
    }

    /// Lets the source see its mail, so that nobody's run pays for its indexes.
    fn warm(&self, user: &str) -> Result<(), String> {
        let order = zero_cost::Order {
            work: zero_cost::Work::Scan,
            streams: self.streams(0),
            connections: 1,
            sides: [(self.source.port, user.to_owned()), (self.source.port, user.to_owned())],
            ca: None,
        };
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let program = crate::measure::Program::new(program).args(order.args());
        let cost = program.run(&self.settings.logs.join("warming.log"), self.settings.limit)?;
        if cost.succeeded { Ok(()) } else { Err("the source could not be read (see warming.log)".to_owned()) }
    }

    /// Another account of the source with the same mail, indexes included.
    fn copy_of(&mut self, user: &str) -> Result<String, String> {
        let copy = self.source.user();
        let (from, to) = (self.source.maildir(user), self.source.maildir(&copy));
        let homes = [from.parent(), to.parent()].map(|home| home.expect("a Maildir lies in a home"));
        let status = std::process::Command::new("cp").arg("-a").args(homes).status();
        match status {
            Ok(status) if status.success() => Ok(copy),
            other => Err(format!("cp -a: {other:?}")),
        }
    }
}
