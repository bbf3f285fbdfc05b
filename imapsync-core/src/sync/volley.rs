//! Many commands at once: all are sent without waiting, their answers are told apart.

use super::link::Link;
use crate::client::Connection;
use crate::error::Error;
use crate::imap::command::Command;
use crate::imap::flow::{CommandId, FlowEvent};
use crate::imap::response::{Status, Untagged};
use bytes::Bytes;
use std::collections::HashMap;

/// Commands in flight at a time.
const WINDOW: usize = 256;

/// What comes back for one command of a volley.
pub(crate) enum Reply {
    /// Its data.
    Untagged(Untagged),
    /// Bytes of a large literal of the data that follows.
    Chunk(Bytes),
    /// A large literal begins.
    Literal,
    /// Something that nobody can read, while this command was the oldest in flight: it may have been part of its answer.
    Unreadable,
    /// Its end.
    Done(Status),
}

/// Sends the commands and gives each reply with the number of its command. Returns when all are done.
///
/// # Errors
///
/// Those of the connection, and what `reply` returns. Commands without their `Done` then have an unknown outcome.
pub(crate) async fn volley(
    connection: &mut Connection,
    commands: Vec<Command>,
    mut reply: impl FnMut(&mut Connection, usize, Reply) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut commands = commands.into_iter().enumerate();
    let mut numbers: HashMap<CommandId, usize> = HashMap::new();
    let mut literal = None;
    loop {
        while numbers.len() < WINDOW
            && let Some((number, command)) = commands.next()
        {
            numbers.insert(connection.submit(command), number);
        }
        if numbers.is_empty() {
            return Ok(());
        }
        let number = |id: Option<CommandId>| id.and_then(|id| numbers.get(&id).copied());
        match connection.next().await? {
            FlowEvent::Untagged { command, data } => {
                if let Some(number) = number(command) {
                    reply(connection, number, Reply::Untagged(data))?;
                }
            }
            FlowEvent::LiteralStart { command, .. } => {
                literal = number(command);
                if let Some(number) = literal {
                    reply(connection, number, Reply::Literal)?;
                }
            }
            FlowEvent::LiteralChunk(bytes) => {
                if let Some(number) = literal {
                    reply(connection, number, Reply::Chunk(bytes))?;
                }
            }
            FlowEvent::Done { command, status, .. } => {
                if let Some(number) = numbers.remove(&command) {
                    reply(connection, number, Reply::Done(status))?;
                }
            }
            FlowEvent::Unreadable(_) => {
                if let Some(number) = numbers.values().min().copied() {
                    reply(connection, number, Reply::Unreadable)?;
                }
            }
            FlowEvent::LiteralEnd | FlowEvent::Greeting(_) | FlowEvent::Ready(_) => {}
        }
    }
}

/// A volley whose answers are worth having and not needed: false where the connection was lost before all were there.
///
/// # Errors
///
/// Only what ends the run.
pub(crate) async fn try_volley(
    link: &mut Link,
    commands: Vec<Command>,
    reply: impl FnMut(&mut Connection, usize, Reply) -> Result<(), Error>,
) -> Result<bool, Error> {
    if commands.is_empty() {
        return Ok(true);
    }
    let result = volley(link.ready().await?, commands, reply).await;
    let answered = result.is_ok();
    match result {
        Ok(()) => link.progress(),
        Err(error) => link.lost(error)?,
    }
    Ok(answered)
}
