//! What is refused before a process is started, and what is said when none can be.

use pontoon::{Database, DatabaseBuilder, Error, ErrorKind};

fn error(builder: DatabaseBuilder) -> Error {
    builder.open().map(drop).expect_err("it is refused")
}

fn allowed(url: &str) -> DatabaseBuilder {
    Database::builder().url(url).allow_code_options(true)
}

#[test]
fn code_is_the_program_s_own_business() {
    for url in [
        "jdbc+h2://mem:x?classpath=/tmp/evil.jar",
        "jdbc+h2://mem:x?jdbc_driver=Evil",
        "jdbc+h2://mem:x?java=/tmp/evil",
        "jdbc+h2://mem:x?jvm_options=-javaagent:/tmp/evil.jar",
        "jdbc:h2:mem:x;INIT=RUNSCRIPT FROM 'http://evil'",
        "jdbc:postgresql://h/db?socketFactory=Evil",
        "jdbc+h2://mem:x?jdbc_driver_args={\"INIT\":\"RUNSCRIPT FROM 'http://evil'\"}",
        "jdbc:sqlite::resource:http://evil/x.db",
    ] {
        assert_eq!(error(Database::builder().url(url)).kind(), ErrorKind::ForbiddenOption, "{url}");
    }
    let built = Database::builder().url("jdbc:h2:mem:x").option("classpath", "/tmp/evil.jar");
    assert_eq!(error(built).kind(), ErrorKind::ForbiddenOption);
}

#[test]
fn what_is_missing_is_named() {
    let refused = error(allowed("jdbc:h2:mem:x").option("java", "/nowhere/java"));
    assert!(refused.kind() == ErrorKind::Config && refused.message().contains("/nowhere/java"), "{refused:?}");
    let refused = error(allowed("jdbc:h2:mem:x").option("classpath", "/nowhere/h2.jar"));
    assert!(refused.kind() == ErrorKind::Config && refused.message().contains("/nowhere/h2.jar"), "{refused:?}");
    let refused = error(allowed("jdbc:klingon:x"));
    assert!(refused.kind() == ErrorKind::Config && refused.message().contains("classpath"), "{refused:?}");
    // A jar without the driver, and one without the class.
    let refused = error(allowed("jdbc:klingon:x").option("classpath", "/usr/share/java/h2.jar"));
    assert!(refused.message().contains("jdbc:klingon:"), "{refused:?}");
    let refused = error(allowed("jdbc:h2:mem:x").option("jdbc_driver", "org.example.Missing"));
    assert!(refused.kind() == ErrorKind::Config && refused.message().contains("org.example.Missing"), "{refused:?}");
    let refused = error(allowed("jdbc:h2:mem:x").option("dialect", "klingon"));
    assert!(refused.kind() == ErrorKind::Config && refused.message().contains("h2"), "{refused:?}");
}

#[test]
fn options_of_the_virtual_machine_reach_it() {
    let refused = error(allowed("jdbc:h2:mem:x").option("jvm_options", "-XX:NoSuchOption=1"));
    assert_eq!(refused.kind(), ErrorKind::Config, "{refused:?}");
    assert!(refused.to_string().contains("process ended"), "{refused}");
}
