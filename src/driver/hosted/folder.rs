//! A folder that nobody else looks into.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The longest path of a socket that every Unix takes, with room for the name in it.
const LONGEST: usize = 103 - 24;

/// A folder with the mode 0700, removed with all that is in it when it is dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// # Errors
    /// When none can be made in the place for temporary files.
    pub(super) fn new() -> io::Result<Folder> {
        let mut place = std::env::temp_dir();
        if place.as_os_str().len() > LONGEST {
            place = PathBuf::from("/tmp");
        }
        let mut name = [0; 8];
        random(&mut name)?;
        let path = place.join(format!("pontoon-{:016x}", u64::from_ne_bytes(name)));
        // One that is there already, whosever it is, is an error: nobody can have guessed the name.
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Folder(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Puts a file into it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?.write_all(content)?;
        Ok(path)
    }

    /// Removes it before its time: what was in it is in use, and needs its name no more.
    pub(super) fn remove(&self) {
        // The host may have removed it first, and nobody can do anything about any other reason.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Bytes that nobody can guess.
///
/// # Errors
/// When the system has none.
pub(super) fn random(bytes: &mut [u8]) -> io::Result<()> {
    fs::File::open("/dev/urandom")?.read_exact(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn nobody_else_looks_into_it_and_nothing_stays() {
        let folder = Folder::new().expect("a folder");
        let path = folder.path().to_owned();
        assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o700);
        let file = folder.write("host.py", b"pass").expect("a file");
        assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
        assert!(folder.write("host.py", b"").is_err(), "what is there is not written over");
        drop(folder);
        assert!(!path.exists());
    }
}
