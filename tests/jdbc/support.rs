//! Databases by JDBC, and the processes that they are in.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use pontoon::{Database, DatabaseBuilder, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::kit::java::{H2, quick, short};
use crate::kit::{Folder, await_that};

/// Whether there is a Java compiler; without it the test is left out, loudly, and with `CI=true` it fails.
pub(crate) fn has_compiler() -> bool {
    if Command::new("javac").arg("-version").output().is_ok_and(|output| output.status.success()) {
        return true;
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{test} needs javac, and CI=true leaves no test out; `tests/run setup` installs it"
    );
    let line = format!("LEFT OUT: {test} needs javac: `tests/run setup` installs it\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    false
}

/// Compiles Java sources into a folder.
pub(crate) fn compile(sources: &[PathBuf], into: &Path) {
    // Texts are put together by plain calls: what stands in their place makes its code when it is first needed, for which a
    // virtual machine that has just started takes longer than for the whole of a query.
    let output = Command::new("javac")
        .args(["--release", "17", "-XDstringConcat=inline", "-g:source,lines", "-Xlint:all", "-Werror", "-d"])
        .arg(into)
        .args(sources)
        .output()
        .expect("javac can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The drivers of the tests, compiled once.
fn drivers() -> Option<&'static Path> {
    static CLASSES: OnceLock<Option<Folder>> = OnceLock::new();
    let folder = CLASSES.get_or_init(|| {
        has_compiler().then(|| {
            let folder = Folder::new();
            let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jdbc");
            compile(&[here.join("Misbehaving.java"), here.join("AllTypes.java")], &folder.path("."));
            folder
        })
    });
    // A static is not dropped: what it holds is small, and in the folder for temporary files.
    folder.as_ref().map(|folder| Box::leak(folder.path(".").into_boxed_path()) as &Path)
}

/// A database with a process that can be found.
pub(crate) struct Subject {
    pub(crate) db: Database,
    mark: String,
}

impl Subject {
    /// H2, with options.
    pub(crate) fn open(options: impl FnOnce(DatabaseBuilder) -> DatabaseBuilder) -> Result<Subject> {
        Subject::marked(|builder| options(quick(builder, H2)))
    }

    fn marked(options: impl FnOnce(DatabaseBuilder) -> DatabaseBuilder) -> Result<Subject> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mark = format!("-Dpontoon.test={}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let db = options(Database::builder().option("jvm_options", mark.as_str())).open()?;
        Ok(Subject { db, mark })
    }

    /// H2, in memory.
    pub(crate) fn h2() -> Result<Subject> {
        Subject::open(|builder| builder.url("jdbc:h2:mem:"))
    }

    /// The driver that misbehaves, where it can be compiled.
    pub(crate) fn misbehaving() -> Option<Subject> {
        Subject::of("jdbc:misbehaving:", "Misbehaving")
    }

    /// The driver that has a column of each type, where it can be compiled.
    pub(crate) fn all_types() -> Option<Subject> {
        Subject::of("jdbc:alltypes:", "AllTypes")
    }

    /// A driver of the tests' own.
    fn of(url: &str, class: &str) -> Option<Subject> {
        let classes = drivers()?;
        let open = Subject::marked(|builder| {
            short(builder)
                .url(url)
                .option("classpath", classes.to_str().expect("the folder has a plain name"))
                .option("jdbc_driver", class)
        });
        Some(open.expect("it connects"))
    }

    /// A builder for the driver that misbehaves.
    pub(crate) fn misbehaving_with(url: &str) -> Option<DatabaseBuilder> {
        let classes = drivers()?;
        let builder = short(Database::builder()).url(url);
        Some(builder.option("classpath", classes.to_str()?).option("jdbc_driver", "Misbehaving"))
    }

    /// The Java processes of this database.
    pub(crate) fn processes(&self) -> Vec<Pid> {
        processes(&self.mark)
    }

    /// What its processes have among their arguments.
    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    /// Ends its processes as a crash would.
    pub(crate) fn kill(&self) {
        let found = self.processes();
        assert!(!found.is_empty(), "there is a process");
        for process in found {
            kill_process(process, Signal::KILL).expect("it is a child of this one");
        }
        await_that("they have ended", || self.processes().is_empty());
    }
}

/// The processes that have this among their arguments. One that has ended and was not waited for has none.
pub(crate) fn processes(mark: &str) -> Vec<Pid> {
    let all = std::fs::read_dir("/proc").expect("there is a /proc").flatten();
    all.filter_map(|entry| {
        let number: i32 = entry.file_name().to_str()?.parse().ok()?;
        let arguments = std::fs::read(entry.path().join("cmdline")).ok()?;
        arguments.split(|byte| *byte == 0).any(|argument| argument == mark.as_bytes()).then(|| Pid::from_raw(number))?
    })
    .collect()
}
