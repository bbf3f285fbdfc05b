//! Where the file of a pair of accounts lies, and whose turn it is to use it.

use crate::state::bytes::hash128;
use crate::state::record::AccountPair;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Characters of each account that are shown in the name of the file.
const SHOWN: usize = 40;

/// How the names of the files end.
const END: &str = ".sqlite";

/// What SQLite puts beside a file.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The lock of one pair, held.
#[derive(Debug)]
pub(super) struct Lock(File);

/// In so many words: a process that is being started has the file too, until it runs its program.
impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// The files of one pair.
#[derive(Debug, Clone)]
pub(super) struct Place {
    directory: PathBuf,
    name: String,
}

impl Place {
    pub(super) fn new(directory: PathBuf, pair: &AccountPair) -> Self {
        let [source, destination] = pair.names().map(|name| {
            let fit = |c: char| c.is_ascii_alphanumeric() || "@.-_+".contains(c);
            name.chars().take(SHOWN).map(|c| if fit(c) { c } else { '_' }).collect::<String>()
        });
        // The readable part alone may be that of several pairs.
        let hash: String = hash128(&pair.bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Self { directory, name: format!("{source}--{destination}-{hash}{END}") }
    }

    /// Of all the files in a directory, in the order of their names.
    pub(super) fn all(directory: &Path) -> io::Result<Vec<Self>> {
        let entries = match std::fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let names = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
        let mut names: Vec<String> = names.into_iter().filter_map(|name| name.into_string().ok()).collect();
        names.retain(|name| name.ends_with(END));
        names.sort();
        Ok(names.into_iter().map(|name| Self { directory: directory.to_owned(), name }).collect())
    }

    /// Bytes of the file with what SQLite keeps beside it, and when one of these was written last; None: there is no file.
    pub(super) fn extent(&self) -> Option<(u64, Option<SystemTime>)> {
        let file = std::fs::metadata(self.file()).ok()?;
        let beside = COMPANIONS.iter().filter_map(|end| std::fs::metadata(self.beside(end)).ok());
        let all = std::iter::once(file).chain(beside);
        Some(all.fold((0, None), |(bytes, last), data| (bytes + data.len(), last.max(data.modified().ok()))))
    }

    /// The file.
    pub(super) fn file(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    fn beside(&self, end: &str) -> PathBuf {
        self.directory.join(format!("{}{end}", self.name))
    }

    /// Makes the directory where it is missing, and takes the lock. It is free again when it is dropped, or the process
    /// ends in whatever way. None: somebody else has it.
    pub(super) fn lock(&self) -> io::Result<Option<Lock>> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.directory)?;
        let path = self.beside(".lock");
        loop {
            let file = ours().open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Whoever had it before may have removed it meanwhile.
            if is_at(&file, &path) {
                return Ok(Some(Lock(file)));
            }
        }
    }

    /// Makes the file where it is missing, for this user alone; what SQLite puts beside it has the same mode.
    pub(super) fn make(&self) -> io::Result<()> {
        ours().open(self.file()).map(|_| ())
    }

    /// Whether there is something that is no file, which must not even be opened (a pipe never answers), or one of less
    /// than the smallest page, which SQLite takes for empty.
    pub(super) fn is_odd(&self) -> bool {
        std::fs::metadata(self.file()).is_ok_and(|data| !data.is_file() || (1..512).contains(&data.len()))
    }

    /// Puts the file out of the way, in place of one that was put there before.
    pub(super) fn put_aside(&self) -> io::Result<()> {
        self.remove_companions()?;
        std::fs::rename(self.file(), self.aside())
    }

    fn aside(&self) -> PathBuf {
        self.beside(".unusable")
    }

    fn remove_companions(&self) -> io::Result<()> {
        COMPANIONS.iter().try_for_each(|end| remove(&self.beside(end)))
    }

    /// Removes all there is. The caller has the lock.
    pub(super) fn remove(&self) -> io::Result<()> {
        remove(&self.file())?;
        self.remove_companions()?;
        remove(&self.aside())?;
        // Elsewhere a file that is open cannot be removed, and an empty one tells nobody anything.
        if cfg!(unix) { remove(&self.beside(".lock")) } else { Ok(()) }
    }
}

fn ours() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether this open file is what is found at the path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |data: std::fs::Metadata| (data.dev(), data.ino());
    let (one, other) = (file.metadata().map(place), std::fs::metadata(path).map(place));
    one.is_ok_and(|one| other.is_ok_and(|other| one == other))
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}
