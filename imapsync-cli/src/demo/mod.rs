//! `imapsync demo`: two servers in this process, and a real sync between them.

mod mailbox;
mod message;
mod oddities;
mod phrases;
mod serve;
mod servers;
mod state;
mod tour;

use crate::exit::Status;
use crate::options::{self, DEMO, IMAPSYNC};
use crate::output::{Screen, size};
use crate::settings::Refusal;
use crate::signal::Stop;
use servers::Servers;
use state::State;

/// How many messages there are unless told otherwise.
const MESSAGES: u32 = 3000;

/// Does what the arguments after `demo` say.
pub(crate) fn run(screen: &mut Screen, stop: &Stop, arguments: &[String]) -> Result<Status, Refusal> {
    let values = options::parse(&DEMO, arguments)?;
    if values.switch("help") {
        screen.print(options::help(&DEMO).trim_end());
        return Ok(Status::Ok);
    }
    stop.watch();
    let messages = values.one("messages").unwrap_or(MESSAGES);
    let servers = Servers::start(messages as usize)?;
    if values.switch("serve") {
        serve::serve(screen, stop, &servers)
    } else {
        tour::tour(screen, stop, &servers)
    }
}

/// What a server holds, in words.
fn described(state: &State) -> String {
    let (messages, bytes) = state::amount(state);
    format!("{messages} messages ({}) in {} folders", size(bytes), state.len())
}

/// A command line for a shell: this program with these arguments.
fn command_line(arguments: &[String]) -> Result<String, Refusal> {
    let typed = std::env::args().next().unwrap_or_default();
    let program = match std::env::current_exe() {
        Ok(path) if typed.contains(std::path::MAIN_SEPARATOR) => path.display().to_string(),
        _ => "imapsync".to_owned(),
    };
    Ok(format!("{} {}", options::quote(&program), options::parse(&IMAPSYNC, arguments)?.shown))
}
