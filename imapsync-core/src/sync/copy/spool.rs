//! A large message that a transform must see as a whole: to a temporary file, changed from file to file, and from there
//! to the destination. The files have no name: nothing is left behind, however the process ends.

use super::Copier;
use crate::error::{Error, ErrorKind};
use crate::imap::flow::CommandId;
use crate::message::{HeaderScanner, Identity, MessageTransform, Scope};
use crate::plan::Outcome;
use bytes::Bytes;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Bytes given to the destination's connection ahead of what its socket takes.
const AHEAD: usize = 1 << 20;
/// Read from the file at a time.
const CHUNK: usize = 64 * 1024;

/// A spooled message on its way out.
pub(super) struct Spool {
    pub(super) job: usize,
    uid: u32,
    identity: Option<Identity>,
    pub(super) stage: Stage,
}

pub(super) enum Stage {
    /// Whole in its file. The transforms begin once nothing else is in flight: what a thread of its own does in its own time
    /// must not change the order of anything on the wire.
    Waiting(File),
    /// The transforms are at work, on a thread of their own.
    Changing(JoinHandle<Result<File, String>>),
    /// Its bytes go out as they are taken.
    Sending { id: CommandId, file: File, left: u64 },
}

impl Copier<'_> {
    /// Whether large messages have to be spooled.
    pub(super) fn spools(&self) -> bool {
        self.options.transforms.iter().any(|transform| transform.scope() == Scope::Whole)
    }

    /// The message is whole in its file: the transforms may have it.
    pub(super) fn spool(&mut self, job: usize, uid: u32, identity: Option<Identity>, file: File) {
        self.lane.spool = Some(Spool { job, uid, identity, stage: Stage::Waiting(file) });
        self.spool_begins();
    }

    /// Begins the transforms, where they wait and nothing is in flight any more.
    pub(super) fn spool_begins(&mut self) {
        let idle = self.lane.on_their_way() == 0;
        let waits = |spool: &mut Spool| idle && matches!(spool.stage, Stage::Waiting(_));
        let Some(Spool { job, uid, identity, stage: Stage::Waiting(file) }) = self.lane.spool.take_if(waits)
        else {
            return;
        };
        let transforms = self.options.transforms.clone();
        let changing = tokio::task::spawn_blocking(move || change(&transforms, file));
        self.lane.spool = Some(Spool { job, uid, identity, stage: Stage::Changing(changing) });
    }

    /// The transforms are done.
    pub(super) fn spool_changed(&mut self, result: Result<File, String>) {
        let Some(Spool { job, uid, identity, .. }) = self.lane.spool.take() else { return };
        let changed = result.and_then(|mut file| {
            let len = file.seek(io::SeekFrom::End(0)).and_then(|len| file.rewind().map(|()| len));
            len.map(|len| (file, len)).map_err(|e| format!("the temporary file: {e}"))
        });
        match changed {
            Ok((file, left)) => match self.append_streamed(job, uid, identity, left) {
                Some(id) => {
                    let stage = Stage::Sending { id, file, left };
                    self.lane.spool = Some(Spool { job, uid, identity, stage });
                }
                None => {
                    self.release(job, uid);
                    self.put_back(job, vec![uid]);
                }
            },
            Err(why) => {
                self.release(job, uid);
                self.spool_failed(job, uid, why);
            }
        }
    }

    fn spool_failed(&mut self, job: usize, uid: u32, why: String) {
        let folder = &*self.work.jobs[job].source_text;
        let error = Error::new(ErrorKind::Append, why).in_folder(folder).for_message(uid);
        self.work.settle(job, uid, Outcome::Failed(error));
    }

    /// Gives the destination's connection more of the file, where it has room; whether it did.
    pub(super) fn spool_feed(&mut self) -> bool {
        let Some(Spool { job, uid, stage: Stage::Sending { file, left, .. }, .. }) = &mut self.lane.spool
        else {
            return false;
        };
        let (job, uid) = (*job, *uid);
        let Some(connection) = self.lane.destination.connection() else { return false };
        let mut fed = false;
        while *left > 0 && connection.backlog() < AHEAD {
            let mut chunk = vec![0; CHUNK.min(usize::try_from(*left).unwrap_or(CHUNK))];
            // From the page cache, as a rule; not worth a thread.
            if let Err(error) = file.read_exact(&mut chunk) {
                // Settled before its connection goes: half of it must not be stored, nor sent again.
                self.spool_failed(job, uid, format!("the temporary file: {error}"));
                self.drop_destination();
                return false;
            }
            *left -= chunk.len() as u64;
            connection.supply(Bytes::from(chunk));
            fed = true;
        }
        if *left == 0 {
            self.lane.spool = None;
        }
        fed
    }

    /// Its APPEND was answered before all of it was given: true. The connection is out of step then.
    pub(super) fn spool_answered(&mut self, command: CommandId) -> bool {
        let mine = matches!(&self.lane.spool, Some(Spool { stage: Stage::Sending { id, .. }, .. }) if *id == command);
        if mine {
            self.lane.spool = None;
        }
        mine
    }

    /// The destination is gone: what was not given whole is read again, as its flight is.
    pub(super) fn spool_loses_destination(&mut self) {
        if matches!(&self.lane.spool, Some(Spool { stage: Stage::Sending { .. }, .. })) {
            self.lane.spool = None;
        }
    }
}

/// All transforms, one after the other, from file to file.
fn change(transforms: &[Arc<dyn MessageTransform>], file: File) -> Result<File, String> {
    let mut file = file;
    for transform in transforms {
        let mut output = tempfile::tempfile().map_err(|e| format!("no temporary file: {e}"))?;
        let done = file.rewind().and_then(|()| {
            let (mut reader, mut writer) = (BufReader::new(&mut file), BufWriter::new(&mut output));
            match transform.scope() {
                Scope::Whole => transform.whole(&mut reader, &mut writer)?,
                Scope::Header => change_header(&**transform, &mut reader, &mut writer)?,
            }
            writer.flush()
        });
        done.map_err(|e| format!("{}: {e}", transform.name()))?;
        file = output;
    }
    Ok(file)
}

fn change_header(
    transform: &dyn MessageTransform,
    input: &mut dyn Read,
    output: &mut dyn Write,
) -> io::Result<()> {
    let (mut begun, mut scanner, mut end) = (Vec::new(), HeaderScanner::new(), None);
    let mut chunk = vec![0; CHUNK];
    while end.is_none() && begun.len() < super::stream::LONGEST_HEADER {
        let n = input.read(&mut chunk)?;
        if n == 0 {
            end = Some(begun.len());
            break;
        }
        end = scanner.feed(&chunk[..n]);
        begun.extend_from_slice(&chunk[..n]);
    }
    // A header without end is left as it is.
    let end = end.unwrap_or(0);
    let changed = if end > 0 { transform.header(&begun[..end]).map_err(io::Error::other)? } else { None };
    match changed {
        Some(header) => {
            output.write_all(&header)?;
            output.write_all(&begun[end..])?;
        }
        None => output.write_all(&begun)?,
    }
    io::copy(input, output).map(drop)
}

/// Where a streamed message goes while it is collected.
pub(super) fn file_with(begun: &[u8]) -> Result<File, String> {
    let write = || {
        let mut file = tempfile::tempfile()?;
        file.write_all(begun)?;
        Ok(file)
    };
    write().map_err(|e: io::Error| format!("no temporary file: {e}"))
}
