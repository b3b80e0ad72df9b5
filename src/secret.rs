//! Text that is never shown, and the scrubber that keeps it out of other people's messages.

mod redactor;

pub use redactor::Redactor;
pub(crate) use redactor::is_secret_name;

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::de::{Deserialize, Deserializer, Visitor};
use zeroize::Zeroizing;

/// Text that must not be shown: a password, a token, a passphrase.
///
/// `Debug` prints `***`, there is no `Display` and no `Serialize`; the only way to the text is [`expose`](Secret::expose),
/// so a search for that word finds every place that reads one. The memory is overwritten when the value is dropped.
/// (What a driver copies out of it is beyond this type's reach.)
///
/// ```
/// let secret = pontoon::Secret::new("correct horse");
/// assert_eq!(format!("{secret:?}"), "***");
/// assert_eq!(secret.expose(), "correct horse");
/// ```
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(text.into()))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all. An empty password is still a password: it is not the same as none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    // Not even the length: it narrows a guess.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl PartialEq for Secret {
    /// Compares without stopping at the first difference, so that the time taken tells only the length.
    fn eq(&self, other: &Secret) -> bool {
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
    }
}

impl Eq for Secret {}

impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Secret {
        Secret::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret::new(text)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        const NOT_TEXT: &str = "a secret must be a string; put it in quotes";

        struct TextOnly;

        // serde's own messages quote the value they did not expect (`invalid type: integer `12345``), and here that
        // value is the secret. So every kind is accepted by the visitor and refused without being quoted.
        impl Visitor<'_> for TextOnly {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a secret, as a string")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret::new(text))
            }

            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Secret, E> {
                Ok(Secret::new(text))
            }

            fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Secret, E> {
                Err(E::custom(NOT_TEXT))
            }

            fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Secret, E> {
                Err(E::custom(NOT_TEXT))
            }

            fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Secret, E> {
                Err(E::custom(NOT_TEXT))
            }

            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Secret, E> {
                Err(E::custom(NOT_TEXT))
            }

            fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Secret, E> {
                Err(E::custom(NOT_TEXT))
            }
        }

        deserializer.deserialize_any(TextOnly)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?} {:?} {:#?}", Some(&secret), [&secret]), "*** Some(***) [\n    ***,\n]");
    }

    #[test]
    fn secrets_compare_by_content() {
        assert_eq!(Secret::new("a"), Secret::from("a"));
        assert_ne!(Secret::new("a"), Secret::new("b"));
        assert_ne!(Secret::new("a"), Secret::new("ab"));
        assert_ne!(Secret::new(""), Secret::new("a"));
    }

    #[test]
    fn a_secret_of_the_wrong_kind_is_not_quoted() {
        for wrong in ["424242", "-424242", "4242.42", "true", "[\"424242\"]", "{\"424242\": 1}", "null"] {
            let error = serde_json::from_str::<Secret>(wrong).expect_err(wrong).to_string();
            assert!(!error.contains("4242"), "{error}");
        }
        assert_eq!(serde_json::from_str::<Secret>("\"a\\u0041\"").expect("a string"), Secret::new("aA"));
    }
}
