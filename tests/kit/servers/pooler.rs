//! PgBouncer in front of a PostgreSQL server: each transaction of a client may get another of its sessions.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::engine::search;
use super::server::{PASSWORD, Server, USER};
use crate::kit::{Port, await_that_or};

/// The user that it runs as where the tests run as root, which it refuses.
const NOBODY: u32 = 65_534;

/// PgBouncer in transaction mode. It takes its sessions by turns, so that the next transaction of a client is in another
/// one than the last. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Pooler {
    process: Child,
    folder: PathBuf,
    port: Port,
}

impl Pooler {
    /// One in front of this server; without the program the test is left out, loudly, and with `CI=true` it fails.
    pub(crate) fn before(server: &Server) -> Option<Pooler> {
        // Where `tests/run setup` puts it: the system's package would start a service.
        let own = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("pgbouncer").join("usr/sbin");
        let Some(program) = search("pgbouncer", &[&own.display().to_string(), "/usr/sbin"]) else {
            super::leave_out("PgBouncer", "there is no pgbouncer; `tests/run setup` installs it");
            return None;
        };
        let port = Port::take();
        let folder = std::env::temp_dir().join(format!("pontoon-pooler-{}-{}", std::process::id(), port.number));
        std::fs::create_dir_all(&folder).expect("a folder for the pooler");
        let file = folder.join("pgbouncer.ini");
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={} user={USER} password='{PASSWORD}'\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\nserver_round_robin = 1\ndefault_pool_size = 4\n",
            server.port(),
            port.number
        );
        std::fs::write(&file, settings).expect("the folder can be written to");
        let mut command;
        if rustix::process::getuid().is_root() {
            for (path, mode) in [(&folder, 0o700), (&file, 0o600)] {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
                std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).expect("root may give it away");
            }
            command = Command::new("setpriv");
            command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--pdeathsig", "KILL"]);
            command.arg(&program);
        } else {
            command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL"]).arg(&program);
        }
        let log = std::fs::File::create(folder.join("log")).expect("the folder can be written to");
        let process = command
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the pooler can be started");
        let pooler = Pooler { process, folder, port };
        await_that_or(
            || TcpStream::connect(("127.0.0.1", pooler.port.number)).is_ok(),
            || format!("the pooler does not listen:\n{}", pooler.log()),
        );
        Some(pooler)
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port.number
    }

    /// What it says of itself.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
