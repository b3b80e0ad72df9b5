//! Where the rows are read from: a driver, and what it is connected to.

use std::path::Path;

use pontoon_bench_harness::Env;

pub struct Site {
    /// Of its rows, and of its server, if it has one.
    pub name: &'static str,
    /// As it is registered.
    pub driver: &'static str,
}

pub const SITES: &[Site] = &[
    Site { name: "postgres", driver: "PostgreSQL Unicode" },
    Site { name: "mysql", driver: "MariaDB Unicode" },
    Site { name: "sqlite", driver: "SQLite3" },
];

/// How wide a text is at most: `name` and `mail` have less than half of it. Of SQLite's columns and PostgreSQL's texts the
/// drivers say no width, or one of thousands.
pub const TEXT: usize = 100;

/// Rows that go to the driver at once.
pub const CHUNK: usize = 1000;

impl Site {
    /// The one that a row is about.
    pub fn of(row: &str) -> &'static Site {
        let about = |site: &&Site| row.strip_prefix("odbc_").is_some_and(|rest| rest.starts_with(site.name));
        SITES.iter().find(about).expect("rows of this group name their database")
    }

    pub fn is_there(&self) -> bool {
        let drivers = pontoon::driver::odbc::drivers().unwrap_or_default();
        drivers.iter().any(|driver| driver.name == self.driver && driver.found)
    }

    /// The connection string, the same for everybody, by the name of the driver.
    pub fn connection_string(&self, env: &Env) -> String {
        self.string_for(env, self.driver)
    }

    /// The same by the driver's file, for who has nobody to find it: a driver manager that is compiled in does not know the
    /// folder that the system keeps drivers in.
    pub fn string_by_file(&self, env: &Env) -> String {
        let drivers = pontoon::driver::odbc::drivers().expect("the table of drivers can be read");
        let file = drivers.into_iter().find(|driver| driver.name == self.driver).expect("it is registered").file;
        let folders = [format!("/usr/lib/{}-linux-gnu/odbc", std::env::consts::ARCH), "/usr/lib64/odbc".to_owned()];
        let found = folders.iter().map(|folder| Path::new(folder).join(&file)).find(|path| path.exists());
        self.string_for(env, &found.map_or(file, |path| path.display().to_string()))
    }

    fn string_for(&self, env: &Env, driver: &str) -> String {
        if self.name == "sqlite" {
            return format!("DRIVER={{{driver}}};Database={}", env.people().display());
        }
        let server = env.server(self.name);
        let password = server.password.replace('}', "}}");
        format!(
            "DRIVER={{{driver}}};SERVER=127.0.0.1;PORT={};UID={};PWD={{{password}}};DATABASE={}",
            server.port, server.user, server.database
        )
    }
}
