//! MariaDB, as Debian packages it.

use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use super::certificates;
use super::engine::{self, Engine, Place, Programs, Stop, common_tools};
use super::server::{PASSWORD, USER};
use crate::kit::proxy::Framing;

/// MariaDB.
#[derive(Debug)]
pub(crate) struct MariaDb;

impl Engine for MariaDb {
    fn name(&self) -> &'static str {
        "MariaDB"
    }

    fn slug(&self) -> &'static str {
        "maria"
    }

    fn scheme(&self) -> &'static str {
        "mariadb"
    }

    fn framing(&self) -> Framing {
        Framing::MySql
    }

    fn find(&self) -> Result<Programs, &'static str> {
        common_tools()?;
        // The server is in /usr/sbin, which is not in everybody's PATH.
        let server = engine::search("mariadbd", &["/usr/sbin"]).ok_or("mariadbd")?;
        let install = engine::search("mariadb-install-db", &["/usr/bin"]).ok_or("mariadb-install-db")?;
        let client = engine::search("mariadb", &["/usr/bin"]).ok_or("mariadb")?;
        Ok(Programs { folder: install.parent().expect("a program is in a folder").to_owned(), server, client })
    }

    fn template(&self) -> &'static str {
        "\"$2/mariadb-install-db\" --no-defaults --datadir=\"$1\" --auth-root-authentication-method=normal \
         --skip-test-db --skip-name-resolve --innodb-log-file-size=4M"
    }

    fn settings(&self, place: &Place<'_>) -> Vec<(String, String)> {
        let tls = certificates();
        let settings = [
            ("datadir", place.path("data")),
            // A server that starts removes the temporary tables that it finds, and would find those of the others.
            ("tmpdir", place.path("data")),
            ("socket", self.socket(place.folder).display().to_string()),
            ("pid-file", place.path("data/mariadb.pid")),
            ("init-file", place.path("init.sql")),
            ("bind-address", "127.0.0.1".into()),
            ("port", place.port.to_string()),
            ("skip-name-resolve", "1".into()),
            ("character-set-server", "utf8mb4".into()),
            ("innodb-buffer-pool-size", "32M".into()),
            ("innodb-log-file-size", "4M".into()),
            // What was committed survives a killed server; no test asks whether the machine can lose its power.
            ("innodb-flush-log-at-trx-commit", "2".into()),
            ("innodb-doublewrite", "0".into()),
            ("innodb-flush-method", "nosync".into()),
            ("max-connections", "100".into()),
            // A client that breaks off is what tests do; a server that shuts it out afterwards is not the subject.
            ("max-connect-errors", "4294967295".into()),
            ("ssl-cert", tls.server.certificate.display().to_string()),
            ("ssl-key", tls.server.key.display().to_string()),
            ("ssl-ca", tls.ca.display().to_string()),
        ];
        settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn files(&self, _place: &Place<'_>, settings: &[(String, String)]) -> Vec<(&'static str, String)> {
        let mut conf = String::from("[mariadbd]\n");
        for (name, value) in settings {
            conf.push_str(&format!("{name} = \"{value}\"\n"));
        }
        let init = format!(
            "CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
        );
        vec![("my.cnf", conf), ("init.sql", init)]
    }

    fn command(&self, programs: &Programs, place: &Place<'_>) -> Vec<String> {
        vec![programs.server.display().to_string(), format!("--defaults-file={}", place.path("my.cnf"))]
    }

    fn is_ready(&self, place: &Place<'_>) -> bool {
        // The server greets first, and not before it lets clients in. The greeting is a packet with a header of four
        // bytes and the version of the protocol, which is 10.
        let Ok(mut client) = UnixStream::connect(self.socket(place.folder)) else { return false };
        let mut greeting = [0; 5];
        client.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
            && client.read_exact(&mut greeting).is_ok()
            && greeting[4] == 10
    }

    fn socket(&self, folder: &Path) -> PathBuf {
        folder.join("s")
    }

    fn console(&self, programs: &Programs, place: &Place<'_>, database: Option<&str>) -> Vec<String> {
        let options = ["--no-defaults", "--batch", "--skip-column-names", "--unbuffered", "--force", "--user=root"];
        let mut command = vec![programs.client.display().to_string()];
        command.extend(options.map(str::to_owned));
        command.push(format!("--socket={}", self.socket(place.folder).display()));
        command.extend(database.map(str::to_owned));
        command
    }

    fn echo(&self, line: &str) -> String {
        format!("SELECT '{line}';")
    }

    fn error_prefix(&self) -> &'static str {
        "ERROR "
    }

    fn signal(&self, stop: Stop) -> Signal {
        match stop {
            Stop::Clean => Signal::TERM,
            Stop::Crash | Stop::Kill => Signal::KILL,
        }
    }

    fn sessions(&self) -> &'static str {
        "SELECT id, ifnull(db, ''), concat(command, ' ', ifnull(state, '')), ifnull(info, '') \
         FROM information_schema.processlist WHERE user <> 'root' AND user <> 'system user' ORDER BY id"
    }

    fn drop_database(&self, name: &str) -> String {
        format!("DROP DATABASE IF EXISTS {name}")
    }
}
