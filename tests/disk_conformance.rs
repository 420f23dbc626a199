//! The simulated disk behaves like a real one, as long as nothing fails.
//!
//! Random sequences of operations run against the simulated disk and against a real temporary directory.
//! Every result is the same, down to the kind of error, and so are all files and directories in the end.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use elara::kernel::distribution::Distribution;
use elara::kernel::random::{Purpose, Stream};
use elara::kernel::time::Instant;
use elara::node::disk::{DiskDriver, DiskError, DiskTicket, FileId, Open, Timed};
use elara::world::disk::SimulatedDisk;
use elara::world::options::DiskOptions;
use proptest::prelude::*;
use tempfile::TempDir;

/// A disk of real files in a directory of its own.
///
/// It never waits for the device: a sync changes nothing that can be seen while the power is on, so only its
/// errors are compared.
struct RealDisk {
    root: TempDir,
    open: BTreeMap<FileId, File>,
    next_file: u32,
    next_ticket: u64,
}

impl RealDisk {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        Self { root, open: BTreeMap::new(), next_file: 0, next_ticket: 0 }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn with<T>(&self, file: FileId, act: impl FnOnce(&File) -> io::Result<T>) -> Timed<T> {
        timed(self.open.get(&file).ok_or(DiskError::NotFound).and_then(|file| done(act(file))))
    }
}

fn timed<T>(result: Result<T, DiskError>) -> Timed<T> {
    Timed { result, took: Duration::ZERO }
}

fn done<T>(result: io::Result<T>) -> Result<T, DiskError> {
    result.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => DiskError::NotFound,
        io::ErrorKind::AlreadyExists => DiskError::Exists,
        io::ErrorKind::IsADirectory
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::DirectoryNotEmpty => DiskError::WrongKind,
        other => panic!("{other:?} has no counterpart on the simulated disk"),
    })
}

impl DiskDriver for RealDisk {
    fn open(&mut self, _now: Instant, path: &str, how: Open) -> Timed<FileId> {
        let path = self.path(path);
        // Linux opens a directory for reading; for writing it refuses.
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        match how {
            Open::Existing => &mut options,
            Open::New => options.create_new(true),
            Open::Any => options.create(true),
        };
        timed(done(options.open(path)).map(|file| {
            let id = FileId(self.next_file);
            self.next_file += 1;
            self.open.insert(id, file);
            id
        }))
    }

    fn close(&mut self, file: FileId) {
        self.open.remove(&file);
    }

    fn len(&mut self, _now: Instant, file: FileId) -> Timed<u64> {
        self.with(file, |file| Ok(file.metadata()?.len()))
    }

    fn read(
        &mut self,
        _now: Instant,
        file: FileId,
        offset: u64,
        buffer: &mut [u8],
    ) -> Timed<usize> {
        self.with(file, |file| {
            let mut read = 0;
            while read < buffer.len() {
                match file.read_at(&mut buffer[read..], offset + read as u64)? {
                    0 => break,
                    more => read += more,
                }
            }
            Ok(read)
        })
    }

    fn write(&mut self, _now: Instant, file: FileId, offset: u64, bytes: &[u8]) -> Timed<()> {
        self.with(file, |file| file.write_all_at(bytes, offset))
    }

    fn append(&mut self, _now: Instant, file: FileId, bytes: &[u8]) -> Timed<u64> {
        self.with(file, |file| {
            let end = file.metadata()?.len();
            file.write_all_at(bytes, end)?;
            Ok(end)
        })
    }

    fn set_len(&mut self, _now: Instant, file: FileId, len: u64) -> Timed<()> {
        self.with(file, |file| file.set_len(len))
    }

    fn sync(&mut self, _now: Instant, file: FileId) -> Timed<()> {
        self.with(file, |_| Ok(()))
    }

    fn start_sync(&mut self, now: Instant, _file: FileId) -> (DiskTicket, Instant) {
        self.next_ticket += 1;
        (DiskTicket(self.next_ticket - 1), now)
    }

    fn create_directory(&mut self, _now: Instant, path: &str) -> Timed<()> {
        timed(done(fs::create_dir(self.path(path))))
    }

    fn list(&mut self, _now: Instant, path: &str) -> Timed<Vec<String>> {
        let names = fs::read_dir(self.path(path)).and_then(|entries| {
            let name = |entry: io::Result<fs::DirEntry>| {
                Ok(entry?.file_name().into_string().expect("the test's names are UTF-8"))
            };
            entries.map(name).collect::<io::Result<Vec<String>>>()
        });
        timed(done(names).map(|mut names| {
            names.sort();
            names
        }))
    }

    fn sync_directory(&mut self, now: Instant, path: &str) -> Timed<()> {
        timed(self.list(now, path).result.map(drop))
    }

    fn rename(&mut self, _now: Instant, from: &str, to: &str) -> Timed<()> {
        let (from, to) = (self.path(from), self.path(to));
        // A real disk renames directories too, and may say so when both ends could be.
        if from.is_dir() && to.parent().is_some_and(Path::is_dir) {
            return timed(Err(DiskError::WrongKind));
        }
        timed(done(fs::rename(from, to)))
    }

    fn remove(&mut self, _now: Instant, path: &str) -> Timed<()> {
        let path = self.path(path);
        if path.is_dir() {
            return timed(done(fs::remove_dir(path)));
        }
        timed(done(fs::remove_file(path)))
    }
}

/// One step of a sequence. Files are chosen among those that were ever opened, closed ones included.
#[derive(Clone, Debug)]
enum Step {
    Open(&'static str, Open),
    Close(usize),
    Len(usize),
    Read(usize, u64, usize),
    Write(usize, u64, Vec<u8>),
    Append(usize, Vec<u8>),
    SetLen(usize, u64),
    Sync(usize),
    StartSync(usize),
    CreateDirectory(&'static str),
    List(&'static str),
    SyncDirectory(&'static str),
    Rename(&'static str, &'static str),
    Remove(&'static str),
    NextHandler,
}

const PATHS: [&str; 9] = ["a", "b", "a/x", "d", "d/a", "d/b", "d/e", "d/e/a", "missing/a"];

fn path() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&PATHS[..])
}

/// Offsets and lengths on both sides of the ends of sectors.
fn offset() -> impl Strategy<Value = u64> {
    prop_oneof![0..40_u64, 500..530_u64, 1_000..1_100_u64, 0..3_000_u64]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![0..20_usize, 500..530_usize, 1_000..1_600_usize];
    (any::<u8>(), len).prop_map(|(first, len)| {
        (0..len).map(|place| first.wrapping_add(place as u8).wrapping_mul(31)).collect()
    })
}

fn step() -> impl Strategy<Value = Step> {
    let how = prop::sample::select(&[Open::Existing, Open::New, Open::Any][..]);
    let file = || 0..100_usize;
    prop_oneof![
        4 => (path(), how).prop_map(|(path, how)| Step::Open(path, how)),
        1 => file().prop_map(Step::Close),
        1 => file().prop_map(Step::Len),
        3 => (file(), offset(), 0..2_000_usize).prop_map(|(f, at, len)| Step::Read(f, at, len)),
        4 => (file(), offset(), bytes()).prop_map(|(f, at, bytes)| Step::Write(f, at, bytes)),
        4 => (file(), bytes()).prop_map(|(f, bytes)| Step::Append(f, bytes)),
        3 => (file(), offset()).prop_map(|(f, len)| Step::SetLen(f, len)),
        2 => file().prop_map(Step::Sync),
        1 => file().prop_map(Step::StartSync),
        2 => path().prop_map(Step::CreateDirectory),
        1 => path().prop_map(Step::List),
        1 => path().prop_map(Step::SyncDirectory),
        3 => (path(), path()).prop_map(|(from, to)| Step::Rename(from, to)),
        2 => path().prop_map(Step::Remove),
        1 => Just(Step::NextHandler),
    ]
}

/// Runs steps on a disk, and writes down what it answers.
struct Session<'d> {
    disk: &'d mut dyn DiskDriver,
    now: Instant,
    opened: Vec<FileId>,
}

impl Session<'_> {
    fn new(disk: &mut dyn DiskDriver) -> Session<'_> {
        Session { disk, now: Instant::ZERO, opened: Vec::new() }
    }

    fn file(&self, number: usize) -> FileId {
        // One that was never opened is as good as one that is closed.
        let count = self.opened.len().max(1);
        self.opened.get(number % count).copied().unwrap_or(FileId(u32::MAX))
    }

    fn took<T>(&mut self, timed: Timed<T>) -> Result<T, DiskError> {
        self.now = self.now + timed.took;
        timed.result
    }

    fn step(&mut self, step: &Step) -> String {
        let now = self.now;
        match *step {
            Step::Open(path, how) => {
                let timed = self.disk.open(now, path, how);
                let result = self.took(timed);
                self.opened.extend(result);
                format!("{:?}", result.map(|_| ()))
            }
            Step::Close(file) => {
                self.disk.close(self.file(file));
                String::new()
            }
            Step::Read(file, offset, len) => {
                let mut buffer = vec![0; len];
                let timed = self.disk.read(now, self.file(file), offset, &mut buffer);
                format!("{:?} {buffer:?}", self.took(timed))
            }
            Step::Len(file) => self.say(|disk, file| disk.len(now, file), file),
            Step::Write(file, offset, ref bytes) => {
                self.say(|disk, file| disk.write(now, file, offset, bytes), file)
            }
            Step::Append(file, ref bytes) => {
                self.say(|disk, file| disk.append(now, file, bytes), file)
            }
            Step::SetLen(file, len) => self.say(|disk, file| disk.set_len(now, file, len), file),
            Step::Sync(file) => self.say(|disk, file| disk.sync(now, file), file),
            Step::StartSync(file) => {
                self.disk.start_sync(now, self.file(file));
                String::new()
            }
            Step::CreateDirectory(path) => self.say(|disk, _| disk.create_directory(now, path), 0),
            Step::List(path) => self.say(|disk, _| disk.list(now, path), 0),
            Step::SyncDirectory(path) => self.say(|disk, _| disk.sync_directory(now, path), 0),
            Step::Rename(from, to) => self.say(|disk, _| disk.rename(now, from, to), 0),
            Step::Remove(path) => self.say(|disk, _| disk.remove(now, path), 0),
            Step::NextHandler => String::new(),
        }
    }

    fn say<T: std::fmt::Debug>(
        &mut self,
        act: impl FnOnce(&mut dyn DiskDriver, FileId) -> Timed<T>,
        file: usize,
    ) -> String {
        let file = self.file(file);
        let timed = act(self.disk, file);
        format!("{:?}", self.took(timed))
    }

    /// All directories and files below a directory, with the files' content.
    fn tree(&mut self, directory: &str, found: &mut Vec<(String, Option<Vec<u8>>)>) {
        let names =
            self.disk.list(self.now, directory).result.expect("a directory that was listed");
        for name in names {
            let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            match self.disk.open(self.now, &path, Open::Existing).result {
                Ok(file) => {
                    let len = self.disk.len(self.now, file).result.expect("the file is open");
                    let mut content = vec![0; len as usize];
                    let read = self.disk.read(self.now, file, 0, &mut content).result;
                    assert_eq!(read, Ok(content.len()), "{path}");
                    self.disk.close(file);
                    found.push((path, Some(content)));
                }
                Err(error) => {
                    assert_eq!(error, DiskError::WrongKind, "{path}");
                    found.push((path.clone(), None));
                    self.tree(&path, found);
                }
            }
        }
    }
}

fn simulated() -> SimulatedDisk {
    let options = DiskOptions {
        access: Distribution::Constant(Duration::from_micros(10)),
        sync: Distribution::Uniform(Duration::from_micros(50), Duration::from_millis(2)),
        ..DiskOptions::default()
    };
    let stream = |purpose| Stream::new(1, purpose, 0, 0);
    SimulatedDisk::new(options, stream(Purpose::Disk), stream(Purpose::Power))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn without_failures_a_simulated_disk_answers_like_a_real_one(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let (mut simulated, mut real) = (simulated(), RealDisk::new());
        let mut real_session = Session::new(&mut real);
        let (mut now, mut opened) = (Instant::ZERO, Vec::new());
        for (number, step) in steps.iter().enumerate() {
            if matches!(step, Step::NextHandler) {
                simulated.begin_handler();
            }
            let mut session = Session { disk: &mut simulated, now, opened };
            let answer = session.step(step);
            (now, opened) = (session.now, session.opened);
            prop_assert_eq!(answer, real_session.step(step), "step {} {:?}", number, step);
        }
        let (mut found, mut expected) = (Vec::new(), Vec::new());
        Session::new(&mut simulated).tree("", &mut found);
        real_session.tree("", &mut expected);
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_crash_after_the_last_operation_loses_nothing(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let (mut simulated, mut real) = (simulated(), RealDisk::new());
        let mut session = Session::new(&mut simulated);
        let mut real_session = Session::new(&mut real);
        for step in &steps {
            session.step(step);
            real_session.step(step);
        }
        let end = session.now;
        simulated.crash(end);
        let (mut found, mut expected) = (Vec::new(), Vec::new());
        Session::new(&mut simulated).tree("", &mut found);
        real_session.tree("", &mut expected);
        prop_assert_eq!(found, expected);
    }
}
