//! Where the servers have their data, and as whom they run.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File, TryLockError};
use std::hash::{Hash as _, Hasher as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::Signal;

use super::engine::search;
use super::processes::signal_all;
use super::server::PASSWORD;

/// A Unix socket's path has room for 107 bytes; this leaves enough for what comes behind it.
const LONGEST: usize = 60;

/// The user whom servers run as when the tests run as root, which no server does: number and group.
fn nobody() -> Option<(u32, u32)> {
    static FOUND: OnceLock<Option<(u32, u32)>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let users = fs::read_to_string("/etc/passwd").expect("the system has a list of users");
        let user = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|user| user[0] == "nobody");
        let user = user.expect("the system has the user `nobody`");
        Some((user[2].parse().expect("a number"), user[3].parse().expect("a number")))
    })
}

/// Makes a file that we wrote the servers' own.
pub(super) fn give_away(path: &Path) {
    if let Some((user, group)) = nobody() {
        chown(path, Some(user), Some(group)).expect("root may give files away");
    }
}

/// A command that is run as the servers are, out of reach of the environment of the tests and of their terminal.
pub(super) fn command(program: &str) -> Command {
    let mut command = match nobody() {
        None => Command::new(program),
        Some((user, group)) => {
            let mut command = Command::new(search("setpriv", &["/usr/bin"]).expect("it was looked for"));
            command.args([format!("--reuid={user}"), format!("--regid={group}")]);
            command.args(["--clear-groups", "--", program]);
            command
        }
    };
    command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("LC_ALL", "C").env("TZ", "UTC");
    command.current_dir("/");
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// The folder for all: in the target directory, or in that for temporary files if the servers cannot get there or the
/// path is too long for a socket.
pub(super) fn base() -> &'static Path {
    static BASE: OnceLock<PathBuf> = OnceLock::new();
    BASE.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("servers");
        let mut hasher = DefaultHasher::new();
        target.hash(&mut hasher);
        let elsewhere = std::env::temp_dir().join(format!("pontoon-servers-{:08x}", hasher.finish() as u32));
        let base = [target, elsewhere].into_iter().find(|base| base.as_os_str().len() <= LONGEST && is_usable(base));
        let base = base.expect("the servers can write to the target directory or to that for temporary files");
        sweep(&base);
        base
    })
}

fn is_usable(base: &Path) -> bool {
    if fs::create_dir_all(base).is_err() {
        return false;
    }
    let owner = nobody().map_or_else(|| rustix::process::geteuid().as_raw(), |(user, _)| user);
    if nobody().is_some() {
        give_away(base);
    }
    let is_ours = fs::symlink_metadata(base).is_ok_and(|found| found.is_dir() && found.uid() == owner);
    is_ours && command("test").arg("-w").arg(base).status().is_ok_and(|status| status.success())
}

/// The folder of one server. Whoever holds its lock uses it: this process until the guardian has it, then the guardian.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) lock: File,
}

impl Folder {
    pub(super) fn new(slug: &str) -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = base().join(format!("{slug}-{}-{count}", std::process::id()));
            let Some(lock) = locked(&lock_of(&path)) else { continue };
            // The lock was free, so a folder that is there is one that was left behind.
            remove(&path);
            fs::create_dir(&path).expect("the base can be written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("it is ours");
            give_away(&path);
            return Folder { path, lock };
        }
    }
}

fn lock_of(folder: &Path) -> PathBuf {
    folder.with_extension("lock")
}

/// The lock, unless somebody has it. A file that was removed in between is nobody's lock any more.
fn locked(path: &Path) -> Option<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path).ok()?;
    give_away(path);
    file.try_lock().ok()?;
    let same = fs::metadata(path).ok()?.ino() == file.metadata().ok()?.ino();
    same.then_some(file)
}

/// Removes what runs left behind that were killed together with their guardians.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let lock = entry.path();
        if lock.extension().is_some_and(|extension| extension == "lock") {
            let Ok(file) = File::open(&lock) else { continue };
            match file.try_lock() {
                Ok(()) => {
                    remove(&lock.with_extension(""));
                    let _ = fs::remove_file(&lock);
                }
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
            }
        }
    }
}

fn remove(folder: &Path) {
    if folder.exists() {
        signal_all(folder, Signal::KILL);
        // As the guardian does.
        let lock = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
        if let Some((_, segment)) = lock.lines().nth(6).and_then(|line| line.rsplit_once(' ')) {
            let _ = command("ipcrm").args(["-m", segment]).stderr(Stdio::null()).status();
        }
        // A process that was just killed may still write.
        while fs::remove_dir_all(folder).is_err() && folder.exists() {
            std::thread::yield_now();
        }
    }
}

/// A file that processes meet at by its lock.
pub(super) fn meeting_point(name: &str) -> (PathBuf, File) {
    let path = base().join(name);
    let file = File::options().create(true).truncate(false).write(true).open(&path).expect("the base can be written");
    give_away(&path);
    (path, file)
}

/// What is costly to make and always the same: made by a script of the shell, once for a target directory, by whoever
/// comes first. Another version or another script makes another one.
pub(super) fn made(name: &str, version: &str, script: &str, arguments: &[&str]) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    (version, script, arguments, PASSWORD).hash(&mut hasher);
    let path = base().join(format!("{name}-{:016x}", hasher.finish()));
    let (_, making) = meeting_point(&format!("{name}.making"));
    making.lock().expect("a file can be locked");
    if path.exists() {
        return path;
    }
    let fresh = path.with_extension("new");
    remove(&fresh);
    let password = base().join(format!("{name}.password"));
    fs::write(&password, format!("{PASSWORD}\n")).expect("the base can be written");
    let mut making_it = command("/bin/sh");
    making_it.args(["-ec", script, "making"]).arg(&fresh).args(arguments).arg(&password).stdin(Stdio::null());
    let output = making_it.output().expect("there is a shell");
    let _ = fs::remove_file(&password);
    assert!(
        output.status.success(),
        "{name} cannot be made: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    fs::rename(&fresh, &path).expect("the base can be written");
    path
}
