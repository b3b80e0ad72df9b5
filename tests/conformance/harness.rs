//! What a test is given, and what is asked after it.

use std::any::Any;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use crate::face::prelude::*;
use pontoon::Result;

use crate::builder::Builder;
use crate::face::Face;
use crate::kit::await_that_or;
use crate::kit::servers::{Scratch, Server};
use crate::profile::{Feature, Place, Profile};

/// Names the tests of a module: `tests! { module: one, two }` makes the constant of their names, and the macro `module!`,
/// which makes a `#[test]` of each for the profile around it.
macro_rules! tests {
    ($module:ident: $($name:ident),+ $(,)?) => {
        #[allow(dead_code, reason = "asked for by one of the two roots of the suite")]
        pub(crate) const TESTS: &[&str] = &[$(concat!(stringify!($module), "::", stringify!($name))),+];

        macro_rules! $module {
            () => {$(
                #[test]
                fn $name() {
                    crate::harness::run(
                        super::PROFILE,
                        super::FACE,
                        concat!(stringify!($module), "::", stringify!($name)),
                        crate::$module::$name,
                    );
                }
            )+};
        }
    };
}

/// No wait of a test is longer: what has not come by then never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Long enough for a call to reach the point where it waits, short enough for a test.
pub(crate) const BRIEF: Duration = Duration::from_millis(100);

/// The timeout of a whole database, which some call is to wait for in vain: its other calls have that time too, on however
/// busy a machine.
pub(crate) const HASTE: Duration = Duration::from_millis(400);

/// What a test returns; `?` notes where.
pub(crate) type Outcome = std::result::Result<(), Failure>;

/// Why a test ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database lacks what the test is about.
    Skipped(Feature),
    /// Something went wrong.
    Failed { at: &'static Location<'static>, error: String },
}

impl<E: std::error::Error> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Failure {
        Failure::Failed { at: Location::caller(), error: format!("{error:?}") }
    }
}

/// Runs a test on a profile.
#[expect(clippy::print_stdout, reason = "the test runner shows why a test was skipped")]
pub(crate) fn run(profile: &'static Profile, face: Face, name: &str, test: fn(&Target) -> Outcome) {
    let server = match profile.place {
        Place::Here(_) => None,
        Place::If(is_there, _) if !is_there() => return,
        Place::If(..) => None,
        Place::On(server, _) | Place::By(server, _) => match server() {
            Some(server) => Some(server),
            // Which the kit has said.
            None => return,
        },
    };
    let mut exceptions = profile.exceptions().chain(face.exceptions());
    let exception = exceptions.find(|exception| exception.test == name);
    if let Some(exception) = exception.filter(|_| !Face::PROVES_EXCEPTIONS) {
        println!("{}", exception.reason);
        return;
    }
    face.take();
    let target = Target::new(profile, server);
    let result = catch_unwind(AssertUnwindSafe(|| {
        let outcome = test(&target);
        if !matches!(outcome, Err(Failure::Failed { .. })) {
            target.leaves_nothing_behind();
        }
        outcome
    }));
    match (result, exception) {
        (Ok(Ok(())), None) => {}
        (Ok(Ok(())), Some(exception)) => {
            panic!("{name} passes on {} and {face:?}: its exception is to go ({})", profile.name, exception.reason)
        }
        (Ok(Err(Failure::Skipped(feature))), _) => match profile.lacks(feature) {
            Some(reason) => println!("skipped: {reason}"),
            None => panic!("{name} was skipped for {feature:?}, which {} has", profile.name),
        },
        (Ok(Err(Failure::Failed { error, .. })), Some(exception)) => println!("{}: {error}", exception.reason),
        (Err(_), Some(exception)) => println!("{}", exception.reason),
        (Ok(Err(Failure::Failed { at, error })), None) => panic!("{at}: {error}"),
        (Err(payload), None) => std::panic::resume_unwind(payload),
    }
}

/// Where a test has its databases.
pub(crate) struct Target {
    profile: &'static Profile,
    directory: PathBuf,
    databases: Mutex<Vec<Database>>,
    count: AtomicU64,
    server: Option<&'static Server>,
    /// The databases on the server, by their numbers.
    scratches: Mutex<Vec<Scratch<'static>>>,
}

impl Target {
    fn new(profile: &'static Profile, server: Option<&'static Server>) -> Target {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("pontoon-conformance-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory for the test");
        Target {
            profile,
            directory,
            databases: Mutex::default(),
            count: AtomicU64::new(0),
            server,
            scratches: Mutex::default(),
        }
    }

    pub(crate) fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// The kind of an error about what is not there: this one, where the database tells.
    pub(crate) fn missing(&self, kind: ErrorKind) -> ErrorKind {
        match self.profile.lacks(Feature::TellsWhatIsMissing) {
            Some(_) => ErrorKind::UndefinedObject,
            None => kind,
        }
    }

    /// Ends the test here, as skipped, unless the database has this.
    pub(crate) fn needs(&self, feature: Feature) -> Outcome {
        match self.profile.lacks(feature) {
            Some(_) => Err(Failure::Skipped(feature)),
            None => Ok(()),
        }
    }

    /// The builder of a new database, which nobody else knows.
    pub(crate) fn builder(&self) -> Builder {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        if let Some(server) = self.server {
            self.scratches.lock().expect("no panic while it is held").push(server.database());
        }
        Builder::new(self.profile, self.url(number))
    }

    /// The URL of the database of this number.
    fn url(&self, number: u64) -> String {
        let of_server = || {
            let scratches = self.scratches.lock().expect("no panic while it is held");
            let scratch = usize::try_from(number).ok().and_then(|number| scratches.get(number));
            scratch.expect("it was made").url()
        };
        match self.profile.place {
            Place::Here(url) | Place::If(_, url) => url(&self.directory, number),
            Place::On(_, options) => format!("{}{options}", of_server()),
            Place::By(_, url) => url(&of_server()),
        }
    }

    /// The builder of another handle on the database that [`builder`](Self::builder) made last.
    pub(crate) fn builder_again(&self) -> Builder {
        let number = self.count.load(Ordering::Relaxed) - 1;
        Builder::new(self.profile, self.url(number))
    }

    /// A path for a file of the test's own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Looked at when the test is over: no connection of it may still be in use.
    pub(crate) fn watch(&self, db: impl Into<Database>) -> Database {
        let db = db.into();
        self.databases.lock().expect("no panic while it is held").push(db.clone());
        db
    }

    /// A new database, empty and connected.
    pub(crate) fn fresh(&self) -> Result<Database> {
        self.open(|builder| builder)
    }

    /// A new database with options.
    pub(crate) fn open(&self, options: impl FnOnce(Builder) -> Builder) -> Result<Database> {
        Ok(self.watch(options(self.builder()).open()?))
    }

    /// A new database with the tables of the tests.
    pub(crate) fn notes(&self) -> Result<Database> {
        self.notes_with(|builder| builder)
    }

    /// The same with options.
    pub(crate) fn notes_with(&self, options: impl FnOnce(Builder) -> Builder) -> Result<Database> {
        let db = self.open(options)?;
        if self.server.is_none() {
            db.execute_script(self.profile.tables)?;
            return Ok(db);
        }
        // On a loaded server this can take longer than the test gives its own statements.
        let maker = self.builder_again().pool_size(1).open()?;
        maker.execute_script(self.profile.tables)?;
        assert!(maker.close(PATIENCE).is_clean());
        Ok(db)
    }

    /// Every connection is back, with whoever had it.
    fn leaves_nothing_behind(&self) {
        for db in self.databases.lock().expect("no panic while it is held").drain(..) {
            // The pinned connection is in use for as long as force rollback is on.
            db.set_force_rollback(Some(false));
            await_that_or(|| db.snapshot().busy == 0, || format!("a connection is still in use:\n{}", db.snapshot()));
            let snapshot = db.snapshot();
            assert_eq!((snapshot.connecting, snapshot.stuck, snapshot.waiting), (0, 0, 0), "{snapshot}");
            let report = db.close(PATIENCE);
            assert!(report.is_clean(), "{report:?}");
            assert!(!db.is_connected());
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // What is left behind there is the system's to remove.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// So many connections are in use, or will be as soon as those that were given back are cleaned.
#[track_caller]
pub(crate) fn await_busy(db: &Database, busy: usize) {
    await_that_or(|| db.snapshot().busy == busy, || format!("not {busy} connections in use:\n{}", db.snapshot()));
}

/// Opens so many connections, so that no call with little time has to find that for opening one.
pub(crate) fn open_ahead(db: &Database, connections: usize) {
    let all_are_open = std::sync::Barrier::new(connections);
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let connection = db.connection();
                all_are_open.wait();
                connection.expect("a connection can be opened");
            });
        }
    });
    await_busy(db, 0);
}

/// One thread tells another that it may go on.
pub(crate) fn signal() -> (Sender<()>, Gate) {
    let (tell, told) = channel();
    (tell, Gate(Mutex::new(told)))
}

/// The waiting end of a [`signal`].
pub(crate) struct Gate(Mutex<Receiver<()>>);

impl Gate {
    /// Waits, at most as long as a test has patience; an error too when the other side is gone without a word.
    #[track_caller]
    pub(crate) fn pass(&self) {
        self.0
            .lock()
            .expect("no panic while it is held")
            .recv_timeout(PATIENCE)
            .expect("the other thread opens the gate");
    }
}

/// Waits for a thread; its panic becomes the test's own.
pub(crate) fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}

/// Runs something on another thread.
pub(crate) fn on_another_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| join(scope.spawn(work)))
}

/// The error of what has to fail.
#[track_caller]
pub(crate) fn error_of<T>(result: std::result::Result<T, impl Into<pontoon::Error>>) -> pontoon::Error {
    match result {
        Ok(_) => panic!("it succeeded, and has to fail"),
        Err(error) => error.into(),
    }
}

/// It fails, and with this kind.
#[track_caller]
pub(crate) fn fails<T>(kind: ErrorKind, result: std::result::Result<T, impl Into<pontoon::Error>>) -> pontoon::Error {
    let error = error_of(result);
    assert_eq!(error.kind(), kind, "{error:?}");
    error
}

/// An error of a program's own, that the library's converts into.
#[derive(Debug)]
pub(crate) enum Refusal {
    Broke,
    Database(pontoon::Error),
}

impl From<pontoon::Error> for Refusal {
    fn from(error: pontoon::Error) -> Refusal {
        Refusal::Database(error)
    }
}

/// The message of a panic.
pub(crate) fn message_of(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<&'static str>() {
        Ok(message) => (*message).to_owned(),
        Err(payload) => payload.downcast::<String>().map_or_else(|_| "no text".to_owned(), |message| *message),
    }
}

/// Puts a note in; the table is that of [`Target::notes`].
pub(crate) fn note(on: &impl Queryable, text: &str) -> Result<()> {
    on.execute("INSERT INTO notes (text, completed) VALUES (:text, :completed)", params! { text, completed: true })?;
    Ok(())
}

/// The texts of the notes, in the order in which they were put in.
pub(crate) fn texts(on: &impl Queryable) -> Result<Vec<String>> {
    on.fetch_all("SELECT text FROM notes ORDER BY id", ())?.column(0)
}

/// How many notes there are.
pub(crate) fn count(on: &impl Queryable) -> Result<i64> {
    Ok(on.fetch_val("SELECT count(*) FROM notes", ())?.unwrap_or(-1))
}

/// A text with everything that changes from run to run masked: paths, files and lines, threads.
pub(crate) fn masked(text: impl Display, directory: &std::path::Path) -> String {
    let text = text.to_string().replace(&directory.display().to_string(), "<dir>");
    let mut masked = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(".rs:") {
        let start = rest[..at].rfind([' ', '(', '"', '\n']).map_or(0, |space| space + 1);
        let tail = &rest[at + ".rs:".len()..];
        let end = tail.find(|character: char| !character.is_ascii_digit() && character != ':').unwrap_or(tail.len());
        masked.push_str(&rest[..start]);
        masked.push_str("<file:line>");
        if tail[..end].ends_with(':') {
            masked.push(':');
        }
        rest = &tail[end..];
    }
    masked.push_str(rest);
    // Threads are called as their tests, and tests as their profiles.
    match masked.split_once("by thread `") {
        Some((before, rest)) => format!("{before}by <thread>{}", rest.split_once('`').map_or("", |(_, after)| after)),
        None => masked,
    }
}

impl Target {
    /// See [`masked`].
    pub(crate) fn mask(&self, text: impl Display) -> String {
        masked(text, &self.directory)
    }
}
