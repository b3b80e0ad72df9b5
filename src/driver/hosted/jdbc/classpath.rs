//! The jars that a driver is in.

use std::path::{Path, PathBuf};

use super::family::Family;
use crate::config::{Config, OptionValue};
use crate::error::{Error, ErrorKind, Result};

/// Where distributions put the jars of drivers.
const INSTALLED: &str = "/usr/share/java";

/// The class path of a database: the option, else the environment's `CLASSPATH`, else what the distribution has installed
/// for this family of drivers.
///
/// # Errors
/// `Config` for a file that is not there, and where there is nothing at all.
pub(super) fn of(config: &Config, family: &Family) -> Result<Vec<PathBuf>> {
    let texts: Vec<&str> = config.options().get_all("classpath").filter_map(text).collect();
    if !texts.is_empty() {
        return expand(&texts, "the option `classpath`");
    }
    if let Some(environment) = std::env::var_os("CLASSPATH").filter(|path| !path.is_empty()) {
        let text = environment.to_string_lossy();
        return expand(&[&text], "the environment's CLASSPATH");
    }
    let installed: Vec<PathBuf> = family.jars.iter().map(|jar| Path::new(INSTALLED).join(jar)).collect();
    if !installed.is_empty() && installed[0].exists() {
        return Ok(installed.into_iter().filter(|jar| jar.exists()).collect());
    }
    let looked = match family.jars {
        [] => String::new(),
        [first, ..] => format!(", and there is no {INSTALLED}/{first}"),
    };
    Err(Error::new(
        ErrorKind::Config,
        format!(
            "the driver's jar is not given{looked}; give its path with the option `classpath`, which needs allow_code_options(true)"
        ),
    ))
}

fn text(value: &OptionValue) -> Option<&str> {
    match value {
        OptionValue::Text(text) => Some(text),
        _ => None,
    }
}

/// Each text is a path or several with colons between; a star in the last part of one stands for all that fit.
fn expand(texts: &[&str], who: &str) -> Result<Vec<PathBuf>> {
    let mut places = Vec::new();
    for text in texts {
        for place in std::env::split_paths(text).filter(|place| !place.as_os_str().is_empty()) {
            let before = places.len();
            match place.file_name().and_then(|name| name.to_str()) {
                Some(pattern) if pattern.contains('*') => {
                    let folder =
                        place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
                    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
                        .into_iter()
                        .flatten()
                        .flatten()
                        .filter(|entry| {
                            entry.file_name().to_str().is_some_and(|name| is_jar(name) && fits(pattern, name))
                        })
                        .map(|entry| entry.path())
                        .collect();
                    found.sort();
                    places.extend(found);
                }
                _ if place.exists() => places.push(place.clone()),
                _ => {}
            }
            if places.len() == before {
                return Err(Error::new(ErrorKind::Config, format!("{who}: there is no {}", place.display())));
            }
        }
    }
    for place in &mut places {
        // The host may be elsewhere.
        *place = std::path::absolute(&*place).map_err(|error| {
            Error::new(ErrorKind::Config, format!("{who}: {} has no absolute path", place.display())).with_source(error)
        })?;
        if place.to_str().is_none_or(|text| text.contains('\n')) {
            return Err(Error::new(
                ErrorKind::Config,
                format!("{who}: {} is not a name in UTF-8 on one line", place.display()),
            ));
        }
    }
    Ok(places)
}

fn is_jar(name: &str) -> bool {
    name.len() > 4 && name.as_bytes()[name.len() - 4..].eq_ignore_ascii_case(b".jar")
}

/// Whether a name fits a pattern, in which a star stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars() {
        for (pattern, name, fitting) in [
            ("*", "h2.jar", true),
            ("*.jar", "h2.jar", true),
            ("h2-*.jar", "h2-2.1.jar", true),
            ("h2-*.jar", "h2.jar", false),
            ("*-2*.jar", "h2-2.1.jar", true),
            ("*a*a.jar", "a.jar", false),
            ("x", "xy", false),
        ] {
            assert_eq!(fits(pattern, name), fitting, "{pattern} {name}");
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let folder = std::env::temp_dir().join(format!("pontoon-classpath-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        for name in ["b.jar", "a.JAR", "c.txt"] {
            std::fs::write(folder.join(name), b"").expect("a file");
        }
        let all = format!("{}/*", folder.display());
        let names = |places: Vec<PathBuf>| -> Vec<String> {
            places.iter().map(|place| place.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names(expand(&[&all], "it").expect("all")), ["a.JAR", "b.jar"]);
        let two = format!("{0}/b.jar:{0}/c.txt", folder.display());
        assert_eq!(names(expand(&[&two], "it").expect("two")), ["b.jar", "c.txt"]);
        let error = expand(&[&format!("{}/none-*.jar", folder.display())], "it").expect_err("none");
        assert!(error.message().contains("none-*.jar"), "{error}");
        std::fs::remove_dir_all(&folder).expect("it can go");
    }
}
