//! Where the program of a host is.

use std::env;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

/// Finds the program that is called by one of these names: in `homes` first, then along `PATH`.
///
/// # Errors
/// `Config` with all the places where it was looked for; `option` is what would name one.
pub(super) fn find(what: &str, names: &[&str], homes: &[PathBuf], option: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = homes.iter().cloned().chain(env::split_paths(&path)).collect();
    let found = folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name))).find(|it| can_run(it));
    found.ok_or_else(|| {
        let places: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
        let places = if places.is_empty() { "nowhere, as PATH is empty".into() } else { places.join(", ") };
        Error::new(
            ErrorKind::Config,
            format!(
                "{what} is not there: {} was looked for in {places}; install it, or name the program with the option \
                 `{option}`",
                names.join(" or ")
            ),
        )
    })
}

/// The program at this path.
///
/// # Errors
/// `Config` when there is none.
pub(super) fn at(path: &Path, option: &str) -> Result<PathBuf> {
    if can_run(path) {
        return Ok(path.to_owned());
    }
    Err(Error::new(
        ErrorKind::Config,
        format!("the option `{option}`: {} is no program that can be run", path.display()),
    ))
}

fn can_run(path: &Path) -> bool {
    path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_said_with_where_it_was_looked_for() {
        let homes = [PathBuf::from("/nowhere/bin")];
        let error = find("Python", &["no-such-python"], &homes, "python").expect_err("nothing");
        assert_eq!(error.kind(), ErrorKind::Config);
        for part in ["no-such-python was looked for in /nowhere/bin", "the option `python`"] {
            assert!(error.to_string().contains(part), "{error}");
        }
        assert!(at(Path::new("/"), "python").is_err() && at(Path::new("/bin/sh"), "python").is_ok());
    }

    #[test]
    fn the_first_place_wins() {
        let sh = find("a shell", &["no-such-shell", "sh"], &[PathBuf::from("/bin")], "shell").expect("a shell");
        assert_eq!(sh, Path::new("/bin/sh"));
    }
}
