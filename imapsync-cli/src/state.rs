//! `imapsync state`: shows or removes what earlier runs have remembered.

use crate::exit::Status;
use crate::options::{self, STATE, Values};
use crate::output::{self, Screen};
use crate::settings::{self, Refusal};
use imapsync_core::Error;
use imapsync_core::state::{AccountPair, SqliteStore, StateFile, StateStore};
use std::path::PathBuf;

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Show,
    Forget,
}

/// Does what the arguments after `state` say.
pub(crate) fn run(screen: &mut Screen, arguments: &[String]) -> Result<Status, Refusal> {
    let deed = arguments.split_first().and_then(|(first, rest)| match first.as_str() {
        "show" => Some((Deed::Show, rest)),
        "forget" => Some((Deed::Forget, rest)),
        _ => None,
    });
    let values = options::parse(&STATE, deed.map_or(arguments, |(_, rest)| rest))?;
    if values.switch("help") || arguments.is_empty() {
        screen.print(options::help(&STATE).trim_end());
        return Ok(Status::Ok);
    }
    let Some((deed, _)) = deed else {
        return Err(Refusal::usage("imapsync state show or imapsync state forget is meant"));
    };
    let directory = settings::state_directory(&values).ok_or_else(|| {
        Refusal::usage("there is no HOME in which anything could be kept; --statedir says where")
    })?;
    let pair = pair(&values, deed)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Refusal { status: Status::Software, text: format!("cannot start: {error}") })?;
    runtime.block_on(async {
        match (deed, pair) {
            (Deed::Show, Some(pair)) => show(screen, SqliteStore::new(directory, pair.clone()), &pair).await,
            (Deed::Forget, Some(pair)) => {
                forget(screen, SqliteStore::new(directory, pair.clone()), &pair).await
            }
            (_, None) => list(screen, directory).await,
        }
    })
}

/// The accounts that are named; none, where all are to be shown.
fn pair(values: &Values, deed: Deed) -> Result<Option<AccountPair>, Refusal> {
    let named = ["host1", "user1", "port1", "host2", "user2", "port2"];
    if deed == Deed::Show && !named.iter().any(|name| values.is_given(name)) {
        return Ok(None);
    }
    let account = |side| settings::address(values, side);
    Ok(Some(AccountPair::new(&account(1)?, &account(2)?)))
}

async fn show(screen: &mut Screen, store: SqliteStore, pair: &AccountPair) -> Result<Status, Refusal> {
    let Some(file) = store.look().await else {
        screen.print(&nothing(&store, pair));
        return Ok(Status::Ok);
    };
    screen.print(output::state(&file, date(&file).as_deref()).trim_end());
    Ok(if file.content.is_ok() { Status::Ok } else { Status::NoInput })
}

async fn forget(screen: &mut Screen, store: SqliteStore, pair: &AccountPair) -> Result<Status, Refusal> {
    let path = store.path();
    if !path.exists() {
        return Err(Refusal { status: Status::NoInput, text: nothing(&store, pair) });
    }
    store.forget().await.map_err(refusal)?;
    screen.print(&format!("Removed what was remembered of {pair}:\n  {}", path.display()));
    Ok(Status::Ok)
}

async fn list(screen: &mut Screen, directory: PathBuf) -> Result<Status, Refusal> {
    let files = SqliteStore::files(&directory).await.map_err(refusal)?;
    if files.is_empty() {
        screen.print(&format!("Nothing is remembered in {}", directory.display()));
    }
    let shown: Vec<String> =
        files.iter().map(|file| output::state_file(file, date(file).as_deref())).collect();
    screen.print(shown.join("\n").trim_end());
    Ok(Status::Ok)
}

fn nothing(store: &SqliteStore, pair: &AccountPair) -> String {
    format!("nothing is remembered of {pair}: there is no {}", store.path().display())
}

fn refusal(error: Error) -> Refusal {
    Refusal { status: Status::NoInput, text: error.to_string() }
}

/// When it was written last, by the clock of this machine.
fn date(file: &StateFile) -> Option<String> {
    file.written
        .map(|time| chrono::DateTime::<chrono::Local>::from(time).format("%Y-%m-%d %H:%M:%S %z").to_string())
}
