//! What a URL can say beside the address.

use crate::config::{OptionKind, OptionSpec};

/// The options of `jdbc` URLs; what is not among them is a property of the connection.
pub(super) const JDBC: &[OptionSpec] = &[
    OptionSpec::new(
        "classpath",
        OptionKind::Text,
        "The jars of the driver: files, folders, `folder/*.jar`; several with colons between.",
    )
    .code()
    .repeated(),
    OptionSpec::new("jdbc_driver", OptionKind::Text, "The driver's class, where the jar does not name it.").code(),
    OptionSpec::new("jdbc_driver_args", OptionKind::Json, "Properties of the connection, as a JSON object.").secret(),
    OptionSpec::new(
        "jdbc_dsn_driver",
        OptionKind::Text,
        "What stands behind `jdbc:`, where the scheme does not say it.",
    ),
    OptionSpec::new("java", OptionKind::Path, "The program `java`, or the folder of a Java that has it in `bin`.")
        .code(),
    OptionSpec::new("jvm_options", OptionKind::Text, "Options of the Java virtual machine, with spaces between.")
        .code()
        .repeated(),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        OptionSpec::check_table(JDBC).expect("jdbc");
    }
}
