//! A disk in memory. What is written is pending until it is synced; a crash keeps any part of it.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vencejo_journal::{Access, BLOCK_BYTES, File, Storage};

use crate::random::Random;

/// Bytes that a disk writes at once: within a crash each is written or not.
const SECTOR_BYTES: usize = 512;

/// What goes wrong before the crash, in percent of the operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Writes that write less than they were asked to.
    pub short_writes: u64,
    /// Writes and syncs that fail.
    pub failures: u64,
    /// Bytes that files may take together; 0: any number.
    pub capacity: u64,
    /// Files are not made durable when they are synced: as if nobody asked for it.
    pub forget_syncs: bool,
    /// Names are not, likewise.
    pub forget_folder_syncs: bool,
}

/// A disk. Clones share it.
#[derive(Clone)]
pub struct SimStorage(Arc<Mutex<State>>);

struct State {
    random: Random,
    faults: Faults,
    /// Operations until the power fails; nothing when it does not.
    operations_left: Option<u64>,
    operations: u64,
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    /// Changes of names that are not durable, in order, with the folder.
    name_changes: Vec<NameChange>,
    names_durable: BTreeMap<PathBuf, usize>,
    locked: bool,
}

#[derive(Clone)]
enum NameChange {
    Set(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

#[derive(Default)]
struct Inode {
    /// As a process sees it.
    bytes: Vec<u8>,
    durable: Vec<u8>,
    /// Writes that are not durable: where, and what.
    pending: Vec<(usize, Vec<u8>)>,
    /// Its length is not durable.
    length_pending: bool,
}

impl SimStorage {
    /// An empty disk.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: Random::new(seed),
            faults: Faults::default(),
            operations_left: None,
            operations: 0,
            inodes: Vec::new(),
            names: BTreeMap::new(),
            name_changes: Vec::new(),
            names_durable: BTreeMap::new(),
            locked: false,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on these faults happen.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// The power fails in the operation behind so many.
    pub fn fail_power_after(&self, operations: u64) {
        self.state().operations_left = Some(operations);
    }

    /// Whether the power has failed.
    pub fn is_dead(&self) -> bool {
        self.state().operations_left == Some(0)
    }

    /// Operations so far.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// What a crash leaves: all that was synced, and any part of the rest. Faults are over.
    pub fn crash(&self) {
        let mut state = self.state();
        let State { random, inodes, names, name_changes, names_durable, .. } = &mut *state;
        // Sometimes all of it, sometimes nothing, mostly a part.
        let kept = [0, 20, 50, 80, 100][random.place(5)];
        for inode in inodes.iter_mut() {
            inode.crash(random, kept);
        }
        let changes = name_changes.len() as u64;
        let made = usize::try_from(random.below(changes + 1)).unwrap_or_default();
        for change in name_changes.drain(..).take(made) {
            change.make(names_durable);
        }
        names.clone_from(names_durable);
        for (inode, content) in inodes.iter_mut().enumerate() {
            // Nobody can open it any more.
            if !names.values().any(|&named| named == inode) {
                *content = Inode::default();
            }
        }
        state.operations_left = None;
        state.faults = Faults::default();
        state.locked = false;
    }

    /// The process ends, the machine goes on: nothing that was written is lost.
    pub fn kill(&self) {
        let mut state = self.state();
        state.operations_left = None;
        state.faults = Faults::default();
        state.locked = false;
    }

    /// The files there are.
    pub fn files(&self) -> Vec<PathBuf> {
        self.state().names.keys().cloned().collect()
    }

    /// A file's bytes.
    pub fn read(&self, path: &Path) -> Vec<u8> {
        let state = self.state();
        state.names.get(path).map(|&inode| state.inodes[inode].bytes.clone()).unwrap_or_default()
    }

    /// Replaces a file's bytes, durably: damage.
    pub fn replace(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        let Some(&inode) = state.names.get(path) else { return };
        let whole = bytes.to_vec();
        state.inodes[inode] = Inode { durable: whole.clone(), bytes: whole, ..Inode::default() };
    }

    /// Removes a file, durably: damage.
    pub fn lose(&self, path: &Path) {
        let mut state = self.state();
        state.names.remove(path);
        state.names_durable.remove(path);
    }
}

impl NameChange {
    fn make(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Set(path, inode) => {
                names.insert(path.clone(), *inode);
            }
            Self::Rename(from, to) => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
            Self::Remove(path) => {
                names.remove(path);
            }
        }
    }

    fn folder(&self) -> Option<&Path> {
        let (Self::Set(path, _) | Self::Rename(_, path) | Self::Remove(path)) = self;
        path.parent()
    }
}

impl Inode {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        put(&mut self.bytes, offset, bytes);
        self.pending.push((offset, bytes.to_vec()));
    }

    fn sync(&mut self) {
        self.durable.resize(self.bytes.len(), 0);
        for (offset, bytes) in self.pending.drain(..) {
            put(&mut self.durable, offset, &bytes);
        }
        self.length_pending = false;
    }

    /// After a failed sync some of what was pending is durable, and the rest counts as clean: no later sync
    /// writes it, though it can still be read. So does Linux.
    fn fail_sync(&mut self, random: &mut Random) {
        let seen = std::mem::take(&mut self.bytes);
        self.bytes.clone_from(&seen);
        self.crash(random, 50);
        self.bytes = seen;
    }

    /// Each sector of each pending write is kept or not; a later one may be, where an earlier one is not.
    fn crash(&mut self, random: &mut Random, kept_percent: u64) {
        if !self.length_pending || random.percent(kept_percent) {
            self.durable.resize(self.bytes.len(), 0);
        }
        let length = self.durable.len();
        for (offset, bytes) in self.pending.drain(..) {
            let mut at = 0;
            while at < bytes.len() {
                let end = ((offset + at) / SECTOR_BYTES + 1) * SECTOR_BYTES - offset;
                let end = end.min(bytes.len());
                if random.percent(kept_percent) && offset + at < length {
                    let most = end.min(length - offset);
                    put(&mut self.durable, offset + at, &bytes[at..most]);
                }
                at = end;
            }
        }
        self.bytes.clone_from(&self.durable);
        self.length_pending = false;
    }
}

fn put(into: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if into.len() < end {
        into.resize(end, 0);
    }
    into[offset..end].copy_from_slice(bytes);
}

impl State {
    /// Counts an operation; whether it is the one in which the power fails.
    fn operate(&mut self) -> io::Result<bool> {
        self.operations += 1;
        let Some(left) = self.operations_left else { return Ok(false) };
        if left == 0 {
            return Err(dead());
        }
        self.operations_left = Some(left - 1);
        Ok(left == 1)
    }

    fn fails(&mut self) -> bool {
        let percent = self.faults.failures;
        percent > 0 && self.random.percent(percent)
    }

    /// Makes a change of a name, not durable yet.
    fn change_name(&mut self, change: NameChange) -> io::Result<()> {
        let dies = self.operate()?;
        change.make(&mut self.names);
        self.name_changes.push(change);
        if dies { Err(dead()) } else { Ok(()) }
    }

    fn taken(&self) -> u64 {
        self.names.values().map(|&inode| self.inodes[inode].bytes.len() as u64).sum()
    }
}

fn dead() -> io::Error {
    io::Error::other("the power has failed")
}

impl Storage for SimStorage {
    fn lock(&self, _path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        let mut state = self.state();
        if std::mem::replace(&mut state.locked, true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Lock(self.clone())))
    }

    fn create_folder(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        let within = state.names.keys().filter(|path| path.parent() == Some(folder));
        Ok(within.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let mut state = self.state();
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.change_name(NameChange::Set(path.to_owned(), inode))?;
        Ok(Box::new(SimFile { storage: self.clone(), inode, access: Access::Buffered }))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn File>> {
        let state = self.state();
        let inode = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(SimFile { storage: self.clone(), inode, access }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state().change_name(NameChange::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change_name(NameChange::Remove(path.to_owned()))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let dies = state.operate()?;
        if dies {
            return Err(dead());
        }
        if state.faults.forget_folder_syncs {
            return Ok(());
        }
        let State { name_changes, names_durable, .. } = &mut *state;
        name_changes.retain(|change| {
            let here = change.folder() == Some(path);
            if here {
                change.make(names_durable);
            }
            !here
        });
        Ok(())
    }
}

struct Lock(SimStorage);

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.state().locked = false;
    }
}

struct SimFile {
    storage: SimStorage,
    inode: usize,
    access: Access,
}

impl File for SimFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.storage.state().inodes[self.inode].bytes.len() as u64)
    }

    fn preallocate(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.storage.state();
        let dies = state.operate()?;
        let before = state.inodes[self.inode].bytes.len() as u64;
        let capacity = state.faults.capacity;
        if capacity > 0 && state.taken() - before + bytes > capacity {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let inode = &mut state.inodes[self.inode];
        inode.bytes.resize(usize::try_from(bytes).unwrap_or_default(), 0);
        inode.length_pending = true;
        if dies { Err(dead()) } else { Ok(()) }
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.storage.state();
        if self.access == Access::Direct {
            let aligned = offset.is_multiple_of(BLOCK_BYTES as u64)
                && bytes.len().is_multiple_of(BLOCK_BYTES)
                && bytes.as_ptr().align_offset(BLOCK_BYTES) == 0;
            assert!(aligned, "a direct write is of whole blocks, from aligned memory");
        }
        let dies = state.operate()?;
        if state.fails() {
            return Err(io::Error::other("the disk has failed"));
        }
        let short = state.faults.short_writes;
        let most = if dies || (short > 0 && state.random.percent(short)) {
            1 + state.random.place(bytes.len())
        } else {
            bytes.len()
        };
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        state.inodes[self.inode].write(offset, &bytes[..most]);
        if dies { Err(dead()) } else { Ok(most) }
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let state = self.storage.state();
        let bytes = &state.inodes[self.inode].bytes;
        let rest = bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
        let most = rest.len().min(into.len());
        into[..most].copy_from_slice(&rest[..most]);
        Ok(most)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.storage.state();
        let dies = state.operate()?;
        if dies {
            return Err(dead());
        }
        if state.fails() {
            let State { random, inodes, .. } = &mut *state;
            inodes[self.inode].fail_sync(random);
            return Err(io::Error::other("the sync has failed"));
        }
        if !state.faults.forget_syncs {
            state.inodes[self.inode].sync();
        }
        Ok(())
    }
}
