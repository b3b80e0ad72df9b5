//! The four ways a database URL is laid out.

/// How the part after the scheme is read. It follows from the scheme alone, so that a URL means the same whichever
/// drivers are compiled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// `scheme://user:password@host:port/database?options`: every scheme that is not named below.
    Server,
    /// A path and options, no host and no user: `sqlite`.
    File,
    /// `scheme+driver://DSN?options`, the DSN in the words of the foreign driver and kept verbatim up to the first
    /// `?`: `jdbc://`, `jdbc+x://`, `dbapi2://` and `dbapi2+x://`.
    Dsn,
    /// Everything after the scheme is the foreign driver's and kept verbatim, options included: `jdbc:x:…`, and
    /// `odbc:` followed by a connection string.
    Opaque,
}

impl Shape {
    /// The shape of a URL with this dialect (lower case), whose rest begins with `//` or not.
    pub(super) fn of(dialect: &str, slashes: bool) -> Shape {
        match (dialect, slashes) {
            ("sqlite" | "sqlite3", _) => Shape::File,
            ("dbapi2", _) | ("jdbc", true) => Shape::Dsn,
            ("jdbc" | "odbc", false) => Shape::Opaque,
            _ => Shape::Server,
        }
    }
}
