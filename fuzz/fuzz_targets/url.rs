//! Any text is a URL or an error; what is a URL is the same URL when it is written and read again, and neither what is
//! shown of it nor an error holds its password.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pontoon::config::{Config, SchemeInfo};
use pontoon::{DatabaseUrl, Secret};

const SCHEMES: &[SchemeInfo] = &[
    SchemeInfo::new("sqlite", "sqlite"),
    SchemeInfo::new("postgresql", "postgresql").network(Some(5432)),
    SchemeInfo::new("odbc", "generic").pass_through(),
    SchemeInfo::new("jdbc", "generic").any_driver().pass_through(),
];

/// What must not be shown. A fuzzer reads it off the comparisons below, so input that holds it proves nothing.
const CANARY: &str = "qZ7xKw9vT3";

fuzz_target!(|text: &str| {
    if text.contains(CANARY) {
        return;
    }
    if let Ok(url) = text.parse::<DatabaseUrl>() {
        let full = url.expose();
        let again: DatabaseUrl = full.parse().expect("what was written can be read");
        assert_eq!(again, url);
        assert_eq!(again.expose(), full);

        if let Ok(secret) = url.with_password(CANARY) {
            assert_eq!(secret.password().map(Secret::expose), Some(CANARY));
            assert!(!secret.to_string().contains(CANARY) && !format!("{secret:?}").contains(CANARY));
            assert!(secret.without_password().with_hosts(url.hosts().to_vec()).is_ok());
        }
        if let Ok(config) = Config::from_url(&url, SCHEMES) {
            let _ = format!("{config:?}");
            let _ = config.redactor().redact(text);
        }
    }
    // A raw password in front of whatever was found: read as the password, or refused, and never shown.
    let raw = format!("postgresql://user:{CANARY}{text}@host/db");
    let shown = match Config::from_url(&*raw, SCHEMES) {
        Ok(config) => format!("{config:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!shown.contains(CANARY), "{shown}");
});
