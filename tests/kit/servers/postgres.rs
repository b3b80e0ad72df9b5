//! PostgreSQL, as Debian packages it.

use std::path::{Path, PathBuf};

use rustix::process::Signal;

use super::engine::{Engine, Place, Programs, Stop, common_tools};
use super::server::USER;
use super::{certificates, engine};
use crate::kit::proxy::Framing;

/// PostgreSQL.
#[derive(Debug)]
pub(crate) struct Postgres;

impl Engine for Postgres {
    fn name(&self) -> &'static str {
        "PostgreSQL"
    }

    fn slug(&self) -> &'static str {
        "pg"
    }

    fn scheme(&self) -> &'static str {
        "postgresql"
    }

    fn framing(&self) -> Framing {
        Framing::Postgres
    }

    fn find(&self) -> Result<Programs, &'static str> {
        common_tools()?;
        // Debian keeps each version in a folder of its own, and none of them in PATH: the newest.
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let newest = versions
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            .filter(|version| Path::new(&format!("/usr/lib/postgresql/{version}/bin/postgres")).is_file())
            .max();
        let folder = newest.map(|version| format!("/usr/lib/postgresql/{version}/bin")).unwrap_or_default();
        let server = engine::search("postgres", &[&folder]).ok_or("postgres")?;
        let initdb = engine::search("initdb", &[&folder]).ok_or("initdb")?;
        let client = engine::search("psql", &[&folder]).ok_or("psql")?;
        Ok(Programs { folder: initdb.parent().expect("a program is in a folder").to_owned(), server, client })
    }

    fn template(&self) -> &'static str {
        // Segments of one megabyte keep the template, which every private server copies, small.
        "\"$2/initdb\" -D \"$1\" -U app --pwfile=\"$3\" --auth-local=trust --auth-host=scram-sha-256 -E UTF8 \
         --locale=C --no-sync --no-instructions --wal-segsize=1"
    }

    fn settings(&self, place: &Place<'_>) -> Vec<(String, String)> {
        let tls = certificates();
        let settings = [
            ("listen_addresses", "127.0.0.1".to_owned()),
            ("port", place.port.to_string()),
            ("unix_socket_directories", place.folder.display().to_string()),
            ("hba_file", place.path("pg_hba.conf")),
            // What was committed survives a killed server; no test asks whether the machine can lose its power.
            ("fsync", "off".into()),
            ("full_page_writes", "off".into()),
            ("wal_level", "minimal".into()),
            ("max_wal_senders", "0".into()),
            ("min_wal_size", "4MB".into()),
            ("shared_buffers", "32MB".into()),
            ("autovacuum", "off".into()),
            // In its folder, so that nothing of a killed server stays in the memory of the system.
            ("dynamic_shared_memory_type", "mmap".into()),
            ("jit", "off".into()),
            ("max_connections", "100".into()),
            ("max_prepared_transactions", "10".into()),
            ("ssl", "on".into()),
            ("ssl_cert_file", tls.server.certificate.display().to_string()),
            ("ssl_key_file", tls.server.key.display().to_string()),
            ("ssl_ca_file", tls.ca.display().to_string()),
        ];
        settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn files(&self, _place: &Place<'_>, settings: &[(String, String)]) -> Vec<(&'static str, String)> {
        let quoted = |value: &str| value.replace('\'', "''");
        let conf = settings.iter().map(|(name, value)| format!("{name} = '{}'\n", quoted(value))).collect();
        let hba =
            "local all all trust\nlocal replication all trust\nhost all all 127.0.0.1/32 scram-sha-256\n".to_owned();
        vec![("postgresql.conf", conf), ("pg_hba.conf", hba)]
    }

    fn command(&self, programs: &Programs, place: &Place<'_>) -> Vec<String> {
        let server = programs.server.display().to_string();
        vec![
            server,
            "-D".into(),
            place.path("data"),
            "-c".into(),
            format!("config_file={}", place.path("postgresql.conf")),
        ]
    }

    fn is_ready(&self, place: &Place<'_>) -> bool {
        // The eighth line of this file is what `pg_ctl` waits for.
        let state = std::fs::read_to_string(place.path("data/postmaster.pid")).unwrap_or_default();
        state.lines().nth(7).is_some_and(|state| state.trim() == "ready")
    }

    fn socket(&self, folder: &Path) -> PathBuf {
        folder.to_owned()
    }

    fn console(&self, programs: &Programs, place: &Place<'_>, database: Option<&str>) -> Vec<String> {
        let options = ["-X", "-A", "-t", "-q", "-F", "\t", "-P", "null=NULL", "-U", USER, "-h"];
        let mut command = vec![programs.client.display().to_string()];
        command.extend(options.map(str::to_owned));
        command.extend([place.folder.display().to_string(), "-p".into(), place.port.to_string()]);
        command.extend(["-d".into(), database.unwrap_or("postgres").into()]);
        command
    }

    fn echo(&self, line: &str) -> String {
        format!("\\echo {line}")
    }

    fn error_prefix(&self) -> &'static str {
        "ERROR:"
    }

    fn signal(&self, stop: Stop) -> Signal {
        match stop {
            Stop::Clean => Signal::INT,
            Stop::Crash => Signal::QUIT,
            Stop::Kill => Signal::KILL,
        }
    }

    fn sessions(&self) -> &'static str {
        "SELECT pid, datname, coalesce(wait_event_type, '') || ' ' || coalesce(state, ''), \
         translate(query, E'\\n\\r', '  ') FROM pg_stat_activity \
         WHERE backend_type = 'client backend' AND application_name <> 'psql' ORDER BY pid"
    }

    fn drop_database(&self, name: &str) -> String {
        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    }
}
