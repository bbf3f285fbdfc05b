//! The program as a process that is killed when a server says so.

use crate::world::{PATIENCE, World};
use imapsync_core::Side;
use imapsync_core::testing::Act;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// By SIGKILL.
    Killed,
    /// By itself.
    Exit(i32),
    /// By another signal.
    Signal(Option<i32>),
}

pub(crate) struct Program {
    child: Arc<Mutex<Child>>,
    output: File,
}

impl Program {
    /// Starts it; at this step of this server from now on, counted from 1, it dies.
    pub(crate) fn start(world: &World, cut: Option<(Side, usize)>) -> Self {
        let output = tempfile::tempfile().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_imapsync"));
        command.env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state"));
        for (listening, side) in world.listening.iter().zip(["1", "2"]) {
            let option = |name: &str| format!("--{name}{side}");
            let port = listening.address.port().to_string();
            command.args([
                option("host"),
                "127.0.0.1".into(),
                option("port"),
                port,
                option("user"),
                "u".into(),
            ]);
            command.args([option("nossl"), option("notls")]).env(format!("IMAPSYNC_PASSWORD{side}"), "p");
        }
        command.args(world.arguments);
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output.try_clone().unwrap());
        for server in &world.servers {
            server.behave();
            server.hook(|_, _| Act::Pass);
        }
        // No server can ask for the child before it is there.
        let slot: Arc<Mutex<Option<Arc<Mutex<Child>>>>> = Arc::default();
        let mut filled = slot.lock().unwrap();
        if let Some((side, at)) = cut {
            let (mut step, slot) = (0, Arc::clone(&slot));
            let server = world.server(side);
            server.behave();
            server.hook(move |_, _| {
                step += 1;
                if step == at
                    && let Some(child) = &*slot.lock().unwrap()
                {
                    let mut child = child.lock().unwrap();
                    // It may just have ended by itself.
                    let _ = child.kill();
                    // Dead before the server says anything more.
                    let _ = child.wait();
                }
                Act::Pass
            });
        }
        let child = Arc::new(Mutex::new(command.spawn().unwrap()));
        *filled = Some(Arc::clone(&child));
        drop(filled);
        Self { child, output }
    }

    /// Waits for its end.
    pub(crate) fn end(&self) -> Death {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.lock().unwrap().try_wait().unwrap() {
                return Death::of(status);
            }
            assert!(since.elapsed() < PATIENCE, "it hangs\n{}", self.output());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// What it said.
    pub(crate) fn output(&self) -> String {
        let (mut output, mut text) = (&self.output, String::new());
        output.rewind().unwrap();
        output.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Ok(mut child) = self.child.lock() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Death {
    fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exit(code),
            (None, Some(9)) => Self::Killed,
            (None, signal) => Self::Signal(signal),
        }
    }
}
