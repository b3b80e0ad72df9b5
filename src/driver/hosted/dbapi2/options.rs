//! What a URL can say beside the address.

use crate::config::{OptionKind, OptionSpec};

/// The options of `dbapi2:` URLs; what is not among them goes to the module's `connect`.
pub(super) const DBAPI2: &[OptionSpec] = &[
    OptionSpec::new("dbapi_path", OptionKind::Text, "The module, with an attribute of it behind a colon.").code(),
    OptionSpec::new(
        "dbapi_driver_args",
        OptionKind::Json,
        "The arguments of `connect`: an object of named ones, or a list.",
    )
    .secret(),
    OptionSpec::new("dbapi_dsn_driver", OptionKind::Text, "The name that else stands behind the plus sign."),
    OptionSpec::new("dbapi_pool", OptionKind::Choice(&["process", "thread"]), "Where connections live.")
        .default("process"),
    OptionSpec::new("dbapi_arraysize", OptionKind::Integer { min: 1, max: 1 << 20 }, "The `arraysize` of cursors."),
    OptionSpec::new("python", OptionKind::Path, "The Python that runs the module.").code(),
    OptionSpec::new("python_path", OptionKind::Path, "A folder in front of Python's own import path.")
        .code()
        .repeated(),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        OptionSpec::check_table(DBAPI2).expect("dbapi2");
    }
}
