//! Java for tests, started as cheaply as it can be: from an archive of the classes that it and a driver consist of, made
//! once and then mapped, and without the compiler that only long runs pay for.

use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use pontoon::DatabaseBuilder;

/// What a short life is too short for.
const OPTIONS: &str = "-XX:TieredStopAtLevel=1";

/// A driver, by the names of its jars in the folder that distributions put them into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Jars(pub(crate) &'static [&'static str]);

pub(crate) const H2: Jars = Jars(&["h2.jar"]);
pub(crate) const HSQLDB: Jars = Jars(&["hsqldb.jar"]);
pub(crate) const SQLITE: Jars = Jars(&["sqlite-jdbc.jar", "slf4j-api.jar"]);
pub(crate) const POSTGRES: Jars = Jars(&["postgresql.jar"]);
pub(crate) const MARIADB: Jars = Jars(&["mariadb-java-client.jar"]);

/// Gives a database a Java that is not to live long.
pub(crate) fn short(builder: DatabaseBuilder) -> DatabaseBuilder {
    builder.allow_code_options(true).option("jvm_options", OPTIONS)
}

/// The same, with what a driver consists of at hand.
pub(crate) fn quick(builder: DatabaseBuilder, jars: Jars) -> DatabaseBuilder {
    let builder = short(builder);
    match jars.archive() {
        Some(archive) => builder.option("jvm_options", format!("-XX:SharedArchiveFile={}", archive.display())),
        None => builder,
    }
}

impl Jars {
    /// Whether the driver is there; without it the test is left out, loudly, and with `CI=true` it fails.
    pub(crate) fn are_here(self) -> bool {
        let Some(missing) = self.paths().into_iter().find(|path| !path.exists()) else { return true };
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "{test} needs {}, and CI=true leaves no test out; `tests/run setup` installs it",
            missing.display()
        );
        let line =
            format!("LEFT OUT: {test} needs Java: there is no {}; `tests/run setup` installs it\n", missing.display());
        let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
        false
    }

    fn paths(self) -> Vec<PathBuf> {
        self.0.iter().map(|name| Path::new("/usr/share/java").join(name)).collect()
    }

    /// The archive for this driver, made by the first who wants it. Those who come while it is made do without.
    fn archive(self) -> Option<PathBuf> {
        static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
        // A process has tests of one driver at a time, or shares what the first one found only with its own kind.
        static WHOSE: OnceLock<Jars> = OnceLock::new();
        if *WHOSE.get_or_init(|| self) == self {
            FOUND.get_or_init(|| self.find_or_make()).clone()
        } else {
            self.find_or_make()
        }
    }

    fn find_or_make(self) -> Option<PathBuf> {
        let java = program()?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let archive = folder.join(format!("{}-{:016x}.jsa", self.0[0], self.state(&java)?));
        if archive.exists() {
            return Some(archive);
        }
        let lock = File::create(archive.with_extension("lock")).ok()?;
        lock.try_lock().ok()?;
        // Whoever had the lock before may have made it.
        (archive.exists() || self.make(&java, &archive).is_some()).then_some(archive)
    }

    /// What an archive is good for: this Java and these jars.
    fn state(self, java: &Path) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        for path in self.paths().iter().map(PathBuf::as_path).chain([java]) {
            let path = path.canonicalize().ok()?;
            path.metadata().and_then(|it| it.modified()).ok()?.hash(&mut hasher);
            path.hash(&mut hasher);
        }
        Some(hasher.finish())
    }

    fn make(self, java: &Path, archive: &Path) -> Option<()> {
        let home = java.parent()?.parent()?;
        let mut classes = std::fs::read_to_string(home.join("lib/classlist")).ok()?;
        for path in self.paths() {
            let listed = Command::new(home.join("bin/jar")).arg("tf").arg(&path).output().ok()?;
            for name in String::from_utf8(listed.stdout).ok()?.lines() {
                match name.strip_suffix(".class") {
                    Some(class) if !name.starts_with("META-INF") && !name.ends_with("-info.class") => {
                        classes.push_str(class);
                        classes.push('\n');
                    }
                    _ => {}
                }
            }
        }
        let (list, made) = (archive.with_extension("classes"), archive.with_extension("new"));
        std::fs::write(&list, classes).ok()?;
        let paths: Vec<String> = self.paths().iter().map(|path| path.display().to_string()).collect();
        let dumped = Command::new(java)
            .args(["-Xshare:dump", "-XX:+UseSerialGC", "-Xlog:disable", "-cp", &paths.join(":")])
            .arg(format!("-XX:SharedClassListFile={}", list.display()))
            .arg(format!("-XX:SharedArchiveFile={}", made.display()))
            .stdin(Stdio::null())
            .output()
            .ok()?;
        if !dumped.status.success() {
            return None;
        }
        std::fs::rename(&made, archive).ok()
    }
}

/// The Java that the library finds too.
fn program() -> Option<PathBuf> {
    let home = std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty());
    let homes = home.iter().map(|home| Path::new(home).join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let programs = homes.chain(std::env::split_paths(&path)).map(|folder| folder.join("java"));
    programs.into_iter().find(|program| program.is_file())?.canonicalize().ok()
}
