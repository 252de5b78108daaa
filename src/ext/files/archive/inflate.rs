//! Reads, inflates, checks and writes the contents, on as many threads as their size justifies.

use std::fs::{self, File};
use std::io::{self, Write};
use std::num::NonZero;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rawzip::ReaderAt;
use zlib_rs::crc32::crc32;
use zlib_rs::{Inflate, InflateFlush, Status};

use super::directory::{Archive, Entry, Method};
use super::{UnpackError, UnpackErrorKind as Kind};

/// The maximum number of threads. With more of them the disk limits the speed.
const MAX_THREADS: usize = 8;
/// The bytes of contents that justify a further thread. The start of a thread takes as long as inflating
/// some tens of kilobytes.
const BYTES_PER_THREAD: u64 = 512 * 1024;
/// The maximum number of compressed bytes in one read.
const INPUT: usize = 128 * 1024;
/// The maximum size of the contents of several entries that one thread writes without a look at the others.
const BATCH: u64 = 1024 * 1024;
/// The maximum number of bytes in one write.
const OUTPUT: usize = 256 * 1024;
/// The base-2 logarithm of the largest window of deflate.
const WINDOW_BITS: u8 = 15;

/// The state that the threads share.
pub(super) struct Job<'a> {
    pub(super) archive: &'a Archive,
    /// The path of the archive, for errors.
    pub(super) path: &'a Path,
    /// The empty directory into which the contents are written.
    pub(super) root: &'a Path,
    /// Whether the work must stop, because the future was dropped.
    pub(super) cancelled: &'a AtomicBool,
    /// Whether each file is synced to disk.
    pub(super) sync: bool,
}

impl Job<'_> {
    /// Creates the directories among `entries`, and the parent directories of the files.
    pub(super) fn create_directories(&self, entries: &[Entry]) -> Result<(), UnpackError> {
        let mut directories: Vec<&str> = entries
            .iter()
            .filter_map(|entry| {
                let path = entry.name.path.as_str();
                if entry.name.directory {
                    Some(path)
                } else {
                    path.rsplit_once('/').map(|(directory, _)| directory)
                }
            })
            .collect();
        directories.sort_unstable();
        directories.dedup();
        for directory in directories {
            let path = self.root.join(directory);
            fs::create_dir_all(&path)
                .map_err(|e| UnpackError::io(&path, "cannot create the directory", e))?;
        }
        Ok(())
    }

    /// Writes the contents of all `entries`, the largest first. After several errors it returns the one
    /// whose entry is the first in the archive.
    pub(super) fn write_all(&self, entries: &[&Entry]) -> Result<(), UnpackError> {
        let batches = batches(entries);
        let total: u64 = entries.iter().map(|entry| entry.size).sum();
        let justified = usize::try_from(total / BYTES_PER_THREAD).unwrap_or(MAX_THREADS) + 1;
        let threads = std::thread::available_parallelism()
            .map_or(1, NonZero::get)
            .min(MAX_THREADS)
            .min(justified)
            .min(batches.len());

        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let errors: Mutex<Vec<(usize, UnpackError)>> = Mutex::new(Vec::new());
        let work = || {
            let mut worker = Worker::new(self);
            while !failed.load(Ordering::Relaxed) {
                let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    break;
                };
                if let Err((index, error)) = worker.write_batch(batch, entries) {
                    failed.store(true, Ordering::Relaxed);
                    let error = error.entry(&entries[index].name.path);
                    errors
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .push((index, error));
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        let errors = errors
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match errors.into_iter().min_by_key(|(index, _)| *index) {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }
}

/// Entries that a thread writes one after the other: those whose data one read brings, or a single one.
#[derive(Debug)]
struct Batch {
    /// The indices of the entries, in the order of their data.
    entries: Vec<usize>,
    /// The end of their data in the archive.
    end: u64,
    /// The size of their contents.
    size: u64,
}

/// Groups the entries whose data lies close together. The largest batches come first.
fn batches(entries: &[&Entry]) -> Vec<Batch> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_unstable_by_key(|&index| entries[index].data);
    let mut batches: Vec<Batch> = Vec::new();
    let mut start = 0;
    for index in order {
        let entry = entries[index];
        let end = entry.data + entry.compressed;
        match batches.last_mut() {
            Some(batch) if end - start <= INPUT as u64 && batch.size + entry.size <= BATCH => {
                batch.entries.push(index);
                batch.end = end;
                batch.size += entry.size;
            }
            _ => {
                start = entry.data;
                batches.push(Batch {
                    entries: vec![index],
                    end,
                    size: entry.size,
                });
            }
        }
    }
    batches.sort_by_key(|batch| std::cmp::Reverse(batch.size));
    batches
}

/// The buffers of one thread, which it reuses for each entry.
struct Worker<'a> {
    job: &'a Job<'a>,
    inflate: Inflate,
    input: Vec<u8>,
    /// The offsets in the archive of the bytes in `input`.
    fetched: Range<u64>,
    output: Vec<u8>,
}

/// A file that is being written, with the checksum and the number of the bytes written so far.
struct Sink {
    file: File,
    path: PathBuf,
    crc: u32,
    written: u64,
}

impl Sink {
    fn put(&mut self, bytes: &[u8]) -> Result<(), UnpackError> {
        self.crc = crc32(self.crc, bytes);
        self.written += bytes.len() as u64;
        self.file
            .write_all(bytes)
            .map_err(|e| UnpackError::io(&self.path, "cannot write", e))
    }
}

impl<'a> Worker<'a> {
    fn new(job: &'a Job<'a>) -> Self {
        Self {
            job,
            inflate: Inflate::new(false, WINDOW_BITS),
            input: vec![0; INPUT],
            fetched: 0..0,
            output: vec![0; OUTPUT],
        }
    }

    /// Writes the entries of a batch. An error names the index of its entry.
    fn write_batch(
        &mut self,
        batch: &Batch,
        entries: &[&Entry],
    ) -> Result<(), (usize, UnpackError)> {
        for &index in &batch.entries {
            self.write(entries[index], batch.end)
                .map_err(|error| (index, error))?;
        }
        Ok(())
    }

    /// Writes an entry. Bytes up to `end` are read ahead.
    fn write(&mut self, entry: &Entry, end: u64) -> Result<(), UnpackError> {
        let path = self.job.root.join(&entry.name.path);
        let file = File::create_new(&path).map_err(|e| match e.kind() {
            // The file system holds for equal what our folding of names does not.
            io::ErrorKind::AlreadyExists => UnpackError::new(Kind::CaseDuplicate),
            _ => UnpackError::io(&path, "cannot create the file", e),
        })?;
        let mut sink = Sink {
            file,
            path,
            crc: 0,
            written: 0,
        };
        match entry.method {
            Method::Stored => self.copy(entry, end, &mut sink)?,
            Method::Deflate => self.inflate(entry, end, &mut sink)?,
        }
        if sink.written != entry.size {
            return Err(wrong_size(entry, sink.written));
        }
        if sink.crc != entry.crc {
            return Err(UnpackError::new(Kind::WrongChecksum)
                .detail(format!("{:08x} instead of {:08x}", sink.crc, entry.crc)));
        }
        if self.job.sync {
            sink.file
                .sync_all()
                .map_err(|e| UnpackError::io(&sink.path, "cannot sync", e))?;
        }
        Ok(())
    }

    fn copy(&mut self, entry: &Entry, end: u64, sink: &mut Sink) -> Result<(), UnpackError> {
        let mut done = 0;
        while done < entry.compressed {
            let data = self.fetch(entry, done, end)?;
            done += data.len() as u64;
            sink.put(&self.input[data])?;
        }
        Ok(())
    }

    fn inflate(&mut self, entry: &Entry, end: u64, sink: &mut Sink) -> Result<(), UnpackError> {
        self.inflate.reset(false);
        let mut fetched = 0;
        let mut filled = 0;
        let mut pending = 0..0;
        loop {
            if pending.is_empty() && fetched < entry.compressed {
                pending = self.fetch(entry, fetched, end)?;
                fetched += pending.len() as u64;
            }
            let (total_in, total_out) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self
                .inflate
                .decompress(
                    &self.input[pending.clone()],
                    // More room than the announced size: near its end the decoder is slow, and
                    // excess contents are noticed.
                    &mut self.output[filled..],
                    InflateFlush::NoFlush,
                )
                .map_err(|e| UnpackError::new(Kind::CorruptData).detail(e.as_str()))?;
            let consumed = self.inflate.total_in() - total_in;
            let produced = self.inflate.total_out() - total_out;
            pending.start += usize::try_from(consumed).expect("no more than the input");
            filled += usize::try_from(produced).expect("no more than the output");
            if sink.written + filled as u64 > entry.size {
                return Err(wrong_size(entry, sink.written + filled as u64));
            }
            let ended = status == Status::StreamEnd;
            if ended || filled == OUTPUT {
                sink.put(&self.output[..filled])?;
                filled = 0;
            }
            if ended {
                break;
            }
            let starved = pending.is_empty() && fetched < entry.compressed;
            if consumed == 0 && produced == 0 && !starved {
                return Err(UnpackError::new(Kind::CorruptData).detail("the data is incomplete"));
            }
        }
        let unread = entry.compressed - self.inflate.total_in();
        if unread > 0 {
            return Err(UnpackError::new(Kind::WrongSize)
                .detail(format!("{unread} excess compressed bytes")));
        }
        Ok(())
    }

    /// Returns where `input` has the next bytes of an entry's data, at least one.
    ///
    /// If they are not there yet, it reads as much as fits of the bytes up to `end`.
    fn fetch(&mut self, entry: &Entry, done: u64, end: u64) -> Result<Range<usize>, UnpackError> {
        let at = entry.data + done;
        if !self.fetched.contains(&at) {
            let length = usize::try_from(end - at).map_or(INPUT, |length| length.min(INPUT));
            let read = read(self.job, &mut self.input[..length], at)?;
            self.fetched = at..at + read as u64;
        }
        let end = self.fetched.end.min(entry.data + entry.compressed);
        let in_input = |offset: u64| {
            usize::try_from(offset - self.fetched.start).expect("no more than the input")
        };
        Ok(in_input(at)..in_input(end))
    }
}

fn wrong_size(entry: &Entry, found: u64) -> UnpackError {
    let detail = if found > entry.size {
        format!("more than {} bytes", entry.size)
    } else {
        format!("{found} bytes instead of {}", entry.size)
    };
    UnpackError::new(Kind::WrongSize).detail(detail)
}

/// Reads bytes of the archive. Returns their number, which is not 0.
fn read(job: &Job<'_>, buffer: &mut [u8], offset: u64) -> Result<usize, UnpackError> {
    if job.cancelled.load(Ordering::Relaxed) {
        return Err(UnpackError::new(Kind::Cancelled));
    }
    loop {
        match job.archive.read_at(buffer, offset) {
            Ok(0) => return Err(UnpackError::new(Kind::Truncated).at(job.path)),
            Ok(read) => return Ok(read),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(UnpackError::io(job.path, "cannot read the archive", e)),
        }
    }
}
