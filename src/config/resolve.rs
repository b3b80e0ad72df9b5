//! From what was given to what it means.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::builder::ConfigBuilder;
use super::databasez::{RETIRED, Verdict};
use super::general::{GENERAL_OPTIONS, Settings, config};
use super::near::near;
use super::options::Options;
use super::scheme::SchemeInfo;
use super::spec::{OptionSpec, OptionValue, same_name};
use super::tls::TLS_OPTIONS;
use super::{Config, code};
use crate::error::{Error, ErrorKind, Result};
use crate::secret::{Redactor, Secret, is_secret_name};
use crate::url::{DatabaseUrl, HOST_OPTIONS, Shape, foreign_items};

/// An option as it was given, and where.
struct Given {
    name: String,
    value: Secret,
    place: &'static str,
}

/// Whose option it is.
#[derive(Clone, Copy)]
enum Owner {
    Driver(&'static OptionSpec),
    General(&'static OptionSpec),
    /// Part of the address; the URL has dealt with it.
    Address,
    Retired(Verdict, &'static str),
    /// Handed to the foreign driver as it is.
    Foreign,
}

pub(super) fn resolve(mut builder: ConfigBuilder, schemes: &[SchemeInfo]) -> Result<Config> {
    let mut url = builder.take_url()?;
    let scheme = SchemeInfo::find(&url, schemes)?;
    // Parts of an address that come as options of the builder belong into the URL, which knows what they mean.
    for (name, value) in std::mem::take(&mut builder.options) {
        if is_address(&url, &name) {
            url = url.with_added_option(&name, value)?;
        } else {
            builder.options.push((name, value));
        }
    }
    let given: Vec<Given> = url
        .options()
        .map(|(name, value)| Given { name: name.into(), value: value.clone(), place: "in the URL" })
        .chain(builder.options.into_iter().map(|(name, value)| Given { name, value, place: "in the builder" }))
        .collect();

    let mut settings = Settings::default();
    let mut options = Options::default();
    let mut seen: Vec<(&str, usize)> = Vec::new();
    for (n, option) in given.iter().enumerate() {
        let text = option.value.expose();
        if !builder.allow_code {
            code::check_option(&option.name, text)?;
        }
        let owner = owner(&url, &scheme, &option.name)?;
        let canonical = match owner {
            Owner::Driver(spec) | Owner::General(spec) => spec.name,
            _ => &option.name,
        };
        let repeated = matches!(owner, Owner::Driver(spec) if spec.repeated) || matches!(owner, Owner::Address);
        if let Some((_, earlier)) = seen.iter().find(|(name, _)| same_name(name, canonical)).filter(|_| !repeated) {
            return Err(twice(canonical, &given[*earlier], option));
        }
        seen.push((canonical, n));
        match owner {
            Owner::Driver(spec) => {
                if spec.code && !builder.allow_code {
                    return Err(code::forbidden(format_args!("the option `{}`", option.name)));
                }
                options.push(spec.name, read(spec, option)?, true, !spec.secret);
            }
            Owner::General(spec) => settings.apply(spec.name, read(spec, option)?),
            Owner::Address => {}
            Owner::Retired(Verdict::Ignored, why) => {
                settings.notices.push(format!("the option `{}` does nothing: {why}", option.name));
            }
            Owner::Retired(Verdict::Refused, why) => {
                return Err(config(format!("the option `{}` is refused: {why}", option.name)));
            }
            Owner::Foreign => options.push(&option.name, OptionValue::Secret(option.value.clone()), true, false),
        }
    }
    settings.finish()?;
    for spec in scheme.options {
        if let Some(default) = spec.default.filter(|_| !options.is_given(spec.name)) {
            let value = spec.read(default).map_err(|why| config(format!("the default of `{}`: {why}", spec.name)))?;
            options.push(spec.name, value, false, !spec.secret);
        }
    }
    if let Some(dsn) = url.dsn().filter(|_| !builder.allow_code) {
        code::check_foreign(dsn.expose())?;
    }
    let url = settle_credentials(&url, &scheme, &mut settings, builder.provider.is_some())?;
    let redactor = Redactor::default();
    learn(&redactor, &url, &settings, &options);
    Ok(Config { url, scheme, settings, options, provider: builder.provider, allow_code: builder.allow_code, redactor })
}

fn is_address(url: &DatabaseUrl, name: &str) -> bool {
    url.shape() == Shape::Server && (HOST_OPTIONS.contains(&name) || name == "port")
}

fn owner(url: &DatabaseUrl, scheme: &SchemeInfo, name: &str) -> Result<Owner> {
    if let Some(spec) = scheme.options.iter().find(|spec| spec.is_called(name)) {
        return Ok(Owner::Driver(spec));
    }
    if is_address(url, name) {
        return Ok(Owner::Address);
    }
    if let Some(spec) = GENERAL_OPTIONS.iter().find(|spec| spec.is_called(name)).filter(|spec| has_general(url, spec)) {
        return Ok(Owner::General(spec));
    }
    let tls = TLS_OPTIONS.iter().find(|spec| spec.is_called(name));
    if let Some(spec) = tls.filter(|_| scheme.tls) {
        return Ok(Owner::General(spec));
    }
    if let Some(retired) = RETIRED.iter().find(|retired| same_name(retired.name, name)) {
        return Ok(Owner::Retired(retired.verdict, retired.why));
    }
    if scheme.pass_through {
        return Ok(Owner::Foreign);
    }
    if tls.is_some() {
        return Err(unknown(format!(
            "the option `{name}` has no place in a URL of {}, which is spoken to over no network; leave it out",
            scheme.name
        )));
    }
    Err(unknown_option(url, scheme, name))
}

/// Whether a general option makes sense for the URL: a file has no user, and where the database is a path or part of a
/// foreign connection string, an option `database` is none of ours.
fn has_general(url: &DatabaseUrl, spec: &OptionSpec) -> bool {
    match spec.name {
        "user" | "password" => url.shape() != Shape::File,
        "dbname" => url.shape() == Shape::Server,
        _ => true,
    }
}

fn unknown_option(url: &DatabaseUrl, scheme: &SchemeInfo, name: &str) -> Error {
    let general = GENERAL_OPTIONS.iter().filter(|spec| has_general(url, spec));
    let tls = TLS_OPTIONS.iter().filter(|_| scheme.tls);
    let address = HOST_OPTIONS.iter().chain(&["port"]).filter(|_| url.shape() == Shape::Server);
    let names = scheme
        .options
        .iter()
        .chain(general)
        .chain(tls)
        .flat_map(|spec| std::iter::once(spec.name).chain(spec.aliases.iter().copied()))
        .chain(address.copied());
    let near = near(name, names);
    if !near.is_empty() {
        return unknown(format!("unknown option `{name}`; did you mean {}?", near.join(" or ")));
    }
    let own: Vec<&str> = scheme.options.iter().map(|spec| spec.name).collect();
    if own.is_empty() {
        unknown(format!("unknown option `{name}`; {} has no options beside those that every database has", scheme.name))
    } else {
        unknown(format!(
            "unknown option `{name}`; beside those that every database has, {} has {}",
            scheme.name,
            own.join(", ")
        ))
    }
}

fn unknown(message: String) -> Error {
    Error::new(ErrorKind::UnknownOption, message)
}

fn read(spec: &OptionSpec, option: &Given) -> Result<OptionValue> {
    spec.read(option.value.expose()).map_err(|why| config(format!("the option `{}`: {why}", option.name)))
}

fn twice(canonical: &str, first: &Given, second: &Given) -> Error {
    let at = |given: &Given| {
        if given.name == canonical { given.place.to_string() } else { format!("as `{}` {}", given.name, given.place) }
    };
    let places = match (at(first), at(second)) {
        (first, second) if first == second => format!("both times {first}"),
        (first, second) => format!("{first} and {second}"),
    };
    config(format!("the option `{canonical}` is given twice, {places}; give it once"))
}

/// Moves credentials from the options to where the address has them, and takes the settled options out of the URL.
fn settle_credentials(
    url: &DatabaseUrl,
    scheme: &SchemeInfo,
    settings: &mut Settings,
    provided: bool,
) -> Result<DatabaseUrl> {
    let mut url = url.retaining_options(|name| {
        matches!(owner(url, scheme, name), Ok(Owner::Driver(_) | Owner::Foreign | Owner::Address))
    });
    let given_twice = |what: &str, option: &str| {
        config(format!("the {what} is given twice, in the address and by the option `{option}`; give it once"))
    };
    if url.username().is_some() && settings.username.is_some() {
        return Err(given_twice("user name", "user"));
    }
    if url.password().is_some() && settings.password.is_some() {
        return Err(given_twice("password", "password"));
    }
    if provided && (url.password().is_some() || settings.password.is_some()) {
        return Err(config("there is a password and a password provider; give one of them"));
    }
    if url.shape() != Shape::Server {
        return Ok(url);
    }
    if let Some(database) = settings.database.take() {
        if url.database().is_some() {
            return Err(given_twice("database", "dbname"));
        }
        url = url.with_database(&*database)?;
    }
    if let Some(username) = settings.username.take() {
        url = url.with_username(&*username)?;
    }
    if let Some(password) = settings.password.take() {
        url = url.with_password(password)?;
    }
    Ok(url)
}

/// Tells the scrubber every secret there is.
fn learn(redactor: &Redactor, url: &DatabaseUrl, settings: &Settings, options: &Options) {
    let fixed = [url.password(), settings.password.as_ref(), settings.tls.key_password.as_ref()];
    fixed.into_iter().flatten().for_each(|secret| redactor.learn(secret));
    for (name, value) in options.iter() {
        match value {
            // What was passed through unknown may be anything. Only what its name says is a secret is looked for
            // everywhere, or a `true` would be masked wherever it stands.
            OptionValue::Secret(secret) if is_secret_name(name) => redactor.learn(secret),
            OptionValue::Text(text) => {
                if let Ok(json) = serde_json::from_str(text) {
                    learn_json(redactor, &json);
                }
            }
            _ => {}
        }
        if let OptionValue::Secret(secret) = value
            && let Ok(json) = serde_json::from_str(secret.expose())
        {
            learn_json(redactor, &json);
        }
    }
    if let Some(dsn) = url.dsn() {
        learn_foreign(redactor, dsn.expose());
    }
}

fn learn_json(redactor: &Redactor, json: &Value) {
    match json {
        Value::Object(map) => {
            for (name, value) in map {
                match value {
                    Value::String(text) if is_secret_name(name) => redactor.learn(&Secret::new(&**text)),
                    value => learn_json(redactor, value),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| learn_json(redactor, value)),
        _ => {}
    }
}

/// The passwords in a foreign connection string: `name=value` in a list, and what stands between the user and the `@`.
fn learn_foreign(redactor: &Redactor, text: &str) {
    let lists = text.split_once('?').map(|(_, list)| (list, '&')).into_iter().chain([(text, ';')]);
    for (list, separator) in lists {
        for item in foreign_items(list, separator) {
            if let Some((_, value)) = item.split_once('=').filter(|(name, _)| is_secret_name(name)) {
                let braced = value.trim().strip_prefix('{').and_then(|value| value.strip_suffix('}'));
                learn_both(redactor, &braced.map_or(value.to_string(), |value| value.replace("}}", "}")));
            }
        }
    }
    if let Some((userinfo, _)) = text.rsplit_once('@') {
        let userinfo = userinfo.rsplit_once("//").map_or(userinfo, |(_, userinfo)| userinfo);
        let userinfo = userinfo.rsplit_once("thin:").map_or(userinfo, |(_, userinfo)| userinfo);
        // `//user:password@` and, of Oracle, `thin:user/password@`. A password may hold either sign.
        if let Some((_, password)) = userinfo.split_once([':', '/']) {
            learn_both(redactor, password);
        }
    }
}

/// Whether the foreign driver decodes what stands in its connection string only it knows, so both readings count.
fn learn_both(redactor: &Redactor, text: &str) {
    redactor.learn(&Secret::new(text));
    redactor.learn(&Secret::new(percent_decode_str(text).decode_utf8_lossy()));
}
