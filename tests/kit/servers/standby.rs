//! Standbys of PostgreSQL: copies of a running server that follow it, and take its place.

use std::path::PathBuf;
use std::process::Stdio;

use super::folder;
use super::private::Private;
use super::server::USER;

/// What a server is to be started with that is to have standbys.
pub(crate) const PRIMARY: &[(&str, &str)] =
    &[("wal_level", "replica"), ("max_wal_senders", "4"), ("wal_keep_size", "64")];

impl Private {
    /// A standby that follows this server, which was started with [`PRIMARY`]. It has the same users and passwords, and
    /// lets clients in to read.
    pub(crate) fn standby(&self) -> Private {
        Private::start_with(self.engine(), self.programs().clone(), self.settings().to_vec(), |folder| {
            let copy: PathBuf = folder.join("copy");
            let program = self.programs().folder.join("pg_basebackup");
            let output = folder::command(&program.display().to_string())
                .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--username", USER, "--port"])
                .arg(self.port().to_string())
                .arg("--host")
                .arg(self.folder())
                .arg("--pgdata")
                .arg(&copy)
                .stdin(Stdio::null())
                .output()
                .unwrap_or_else(|error| panic!("{} cannot be run: {error}", program.display()));
            assert!(output.status.success(), "no copy is made: {}", String::from_utf8_lossy(&output.stderr));
            Some(copy)
        })
    }

    /// From now on no COMMIT is acknowledged that a standby has not got; returns when one follows.
    #[track_caller]
    pub(crate) fn commit_with_a_standby(&mut self) {
        self.configure(&[("synchronous_standby_names", "*")]);
        self.reload();
        self.console().wait_for_row("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'");
    }

    /// Makes a standby the primary. Returns when it can be written to.
    #[track_caller]
    pub(crate) fn promote(&self) {
        assert_eq!(self.console().value("SELECT pg_promote(true, 60)"), "t", "{}", self.log());
    }
}
