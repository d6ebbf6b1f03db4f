use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use redb::StorageBackend;
use store::Medium;

/// A disk whose power can go, and which can fail.
#[derive(Clone, Debug)]
pub(crate) struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// What would be there after a loss of power.
    durable: Vec<u8>,
    /// What is there as long as there is power.
    seen: Vec<u8>,
    /// What was done since the last sync.
    unsynced: Vec<Write>,
    /// Operations until the power goes.
    power: Option<u64>,
    /// Blocks that can be written at most, and those that were.
    room: usize,
    blocks: HashSet<u64>,
    sync_fails: bool,
}

#[derive(Clone, Debug)]
enum Write {
    Bytes(u64, Vec<u8>),
    Len(u64),
}

const BLOCK: u64 = 4096;

impl Disk {
    /// One on which there is something, or nothing.
    pub(crate) fn new(image: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State {
            durable: image.clone(),
            seen: image,
            unsynced: Vec::new(),
            power: None,
            room: usize::MAX,
            blocks: HashSet::new(),
            sync_fails: false,
        })))
    }

    /// Takes the power away after so many operations.
    pub(crate) fn cut_after(&self, operations: u64) {
        self.0.lock().unwrap().power = Some(operations);
    }

    /// Lets only so many more blocks be written that were not before.
    pub(crate) fn leave_room(&self, blocks: Option<usize>) {
        let mut state = self.0.lock().unwrap();
        state.room = blocks.map_or(usize::MAX, |more| state.blocks.len() + more);
    }

    pub(crate) fn fail_syncs(&self, fail: bool) {
        self.0.lock().unwrap().sync_fails = fail;
    }

    /// What a machine finds that is started again: what was synced; of the
    /// rest some writes, in whatever order, and some of these not whole.
    pub(crate) fn after_power_loss(&self, seed: u64) -> Vec<u8> {
        let mut rng = StdRng::seed_from_u64(seed);
        let state = self.0.lock().unwrap();
        let mut image = state.durable.clone();
        // Now and then none, or all but the last, which is what most disks do.
        let keep = *[0.0, 0.1, 0.5, 0.9, 1.0].choose(&mut rng).unwrap();
        let last = state.unsynced.len().saturating_sub(1);
        for (n, write) in state.unsynced.iter().enumerate() {
            if !rng.random_bool(keep) {
                continue;
            }
            match write {
                Write::Len(len) => image.resize(*len as usize, 0),
                Write::Bytes(at, bytes) => {
                    let torn = n == last || rng.random_bool(0.2);
                    let len = match torn {
                        true => rng.random_range(0..=bytes.len()),
                        false => bytes.len(),
                    };
                    // The beginning of it is new, or its end.
                    let part = match rng.random_bool(0.5) {
                        true => 0..len,
                        false => bytes.len() - len..bytes.len(),
                    };
                    let at = *at as usize;
                    if image.len() < at + bytes.len() {
                        image.resize(at + bytes.len(), 0);
                    }
                    image[at..][part.clone()].copy_from_slice(&bytes[part]);
                }
            }
        }
        image
    }

    /// Changes a byte behind the store's back.
    pub(crate) fn flip(&self, at: usize, mask: u8) {
        let mut state = self.0.lock().unwrap();
        state.seen[at] ^= mask;
        state.durable[at] ^= mask;
    }

    /// What is there now.
    pub(crate) fn image(&self) -> Vec<u8> {
        self.0.lock().unwrap().seen.clone()
    }
}

impl State {
    fn operate(&mut self) -> io::Result<()> {
        if self.power == Some(0) {
            return Err(io::Error::other("the power is gone"));
        }
        self.power = self.power.map(|left| left - 1);
        Ok(())
    }
}

impl Medium for Disk {
    fn open(&self) -> io::Result<Box<dyn StorageBackend>> {
        Ok(Box::new(self.clone()))
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().seen.len() as u64)
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock().unwrap();
        let bytes = state.seen.get(offset as usize..).unwrap_or_default();
        let bytes = bytes.get(..out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.operate()?;
        state.seen.resize(len as usize, 0);
        state.unsynced.push(Write::Len(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.operate()?;
        if state.sync_fails {
            return Err(io::Error::other("the disk does not answer"));
        }
        let State {
            durable, unsynced, ..
        } = &mut *state;
        for write in unsynced.drain(..) {
            match write {
                Write::Len(len) => durable.resize(len as usize, 0),
                Write::Bytes(at, bytes) => {
                    durable[at as usize..][..bytes.len()].copy_from_slice(&bytes);
                }
            }
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.operate()?;
        let end = offset + data.len() as u64;
        for block in offset / BLOCK..end.div_ceil(BLOCK) {
            if !state.blocks.contains(&block) && state.blocks.len() >= state.room {
                return Err(io::ErrorKind::StorageFull.into());
            }
            state.blocks.insert(block);
        }
        state.seen[offset as usize..end as usize].copy_from_slice(data);
        state.unsynced.push(Write::Bytes(offset, data.to_vec()));
        Ok(())
    }
}
