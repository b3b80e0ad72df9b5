//! Reading a configuration from a settings file.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::builder::{ConfigBuilder, Parts};
use crate::secret::Secret;

/// Either shape: flat, or nested under `connection.credentials` as databasez has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    url: Option<Secret>,
    scheme: Option<String>,
    #[serde(alias = "hostname")]
    host: Option<String>,
    port: Option<Port>,
    #[serde(alias = "username")]
    user: Option<String>,
    password: Option<Secret>,
    database: Option<String>,
    options: Option<Pairs>,
    connection: Option<ByName<Connection>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Connection {
    credentials: ByName<Credentials>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    scheme: Option<String>,
    #[serde(alias = "hostname")]
    host: Option<String>,
    port: Option<Port>,
    #[serde(alias = "username")]
    user: Option<String>,
    password: Option<Secret>,
    database: Option<String>,
    options: Option<Pairs>,
}

/// A group of settings by name.
///
/// serde's own message for text in such a place quotes the text, and what people put there is a URL with its password.
struct ByName<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ByName<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ByName<T>, D::Error> {
        struct Map<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Map<T> {
            type Value = ByName<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("settings by name")
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<ByName<T>, E> {
                Err(text_for_settings())
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ByName<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(ByName)
            }
        }

        deserializer.deserialize_any(Map(PhantomData))
    }
}

fn text_for_settings<E: de::Error>() -> E {
    E::custom("there is a text where settings by name belong; a URL is the setting `url`")
}

/// A port as a number or, as settings from the environment have it, as text.
struct Port(u16);

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Port, D::Error> {
        let port = match Value::deserialize(deserializer)? {
            Value::Number(number) => number.as_u64().and_then(|port| u16::try_from(port).ok()),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        port.filter(|port| *port > 0)
            .map(Port)
            .ok_or_else(|| de::Error::custom("port must be a number from 1 to 65535"))
    }
}

/// Options in order, repeated names kept so that they are refused later and not lost here.
struct Pairs(Vec<(String, Secret)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        struct Map;

        impl<'de> Visitor<'de> for Map {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("options by name")
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<Pairs, E> {
                Err(text_for_settings())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    match value {
                        // A list is the option several times, as the same name several times in a URL.
                        Value::Array(list) if list.iter().all(|value| !value.is_array() && !value.is_object()) => {
                            pairs.extend(list.into_iter().filter_map(|value| Some((name.clone(), text_of(value)?))));
                        }
                        value => pairs.extend(text_of(value).map(|text| (name, text))),
                    }
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_any(Map)
    }
}

/// The text of a value as it would stand in a URL; null is an option that is not given, and an object is JSON for the
/// options that take that.
fn text_of(value: Value) -> Option<Secret> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(Secret::new(text)),
        value => Some(Secret::new(value.to_string())),
    }
}

impl<'de> Deserialize<'de> for ConfigBuilder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ConfigBuilder, D::Error> {
        let ByName(file) = ByName::<File>::deserialize(deserializer)?;
        let flat = Credentials {
            scheme: file.scheme,
            host: file.host,
            port: file.port,
            user: file.user,
            password: file.password,
            database: file.database,
            options: file.options,
        };
        let credentials = match file.connection {
            None => flat,
            Some(connection) if file.url.is_none() && flat.is_empty() => connection.0.credentials.0,
            Some(_) => {
                return Err(de::Error::custom("give either `connection` or the credentials beside it, not both"));
            }
        };
        let mut builder = ConfigBuilder {
            parts: Parts {
                scheme: credentials.scheme,
                hosts: credentials.host.filter(|host| !host.is_empty()).into_iter().collect(),
                port: credentials.port.map(|port| port.0),
                username: credentials.user,
                password: credentials.password,
                database: credentials.database,
            },
            options: credentials.options.map(|pairs| pairs.0).unwrap_or_default(),
            ..ConfigBuilder::default()
        };
        if let Some(url) = file.url {
            builder = builder.url(url.expose());
        }
        Ok(builder)
    }
}

impl Credentials {
    fn is_empty(&self) -> bool {
        let Credentials { scheme, host, port, user, password, database, options } = self;
        scheme.is_none()
            && host.is_none()
            && port.is_none()
            && user.is_none()
            && password.is_none()
            && database.is_none()
            && options.is_none()
    }
}
