//! One secret for every place that takes one, and the search for it wherever something is printed.

use std::fmt::Write as _;

/// The part of the secret that every encoding of a URL leaves as it is, so that one search finds them all.
const CORE: &str = "S3cr3tC4n4ryInTheC04lM1ne";

/// A secret, and the search for it.
pub(crate) struct Canary;

impl Canary {
    /// The secret. It holds each character that a URL gives a meaning to, so that a place which encodes or splits it
    /// wrongly is found out as well.
    pub(crate) const SECRET: &'static str = "S3cr3tC4n4ryInTheC04lM1ne:/p@s?s#w&o=r%d+ ;";

    /// The secret as it stands in the user information of a URL.
    pub(crate) fn in_url() -> String {
        percent_encoded(Canary::SECRET)
    }

    /// How the secret shows in a text, if it does.
    pub(crate) fn found_in(text: &str) -> Option<&'static str> {
        if text.contains(CORE) {
            return Some("as it is, or percent-encoded");
        }
        if text.to_ascii_lowercase().contains(&CORE.to_ascii_lowercase()) {
            return Some("in other case");
        }
        let lower = text.to_ascii_lowercase();
        if lower.contains(&hexadecimal(CORE)) {
            return Some("in hexadecimal");
        }
        if text.contains(&decimal_list(CORE)) {
            return Some("as a list of bytes");
        }
        let plain_alphabet: String = text
            .chars()
            .map(|c| {
                if c == '-' {
                    '+'
                } else if c == '_' {
                    '/'
                } else {
                    c
                }
            })
            .collect();
        if base64_middles(CORE).iter().any(|middle| plain_alphabet.contains(middle.as_str())) {
            return Some("in base64");
        }
        None
    }

    /// Fails the test when the secret shows in what was printed. The message does not repeat the text: it would put the
    /// secret into the log of the test run.
    #[track_caller]
    pub(crate) fn assert_absent(what: &str, text: &str) {
        if let Some(how) = Canary::found_in(text) {
            panic!("the secret shows in {what}, {how}; {} bytes, not repeated here", text.len());
        }
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

fn hexadecimal(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn decimal_list(text: &str) -> String {
    text.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ")
}

/// The characters of the base64 form that depend on the text alone, for each of the three ways in which it can lie in
/// what surrounds it.
fn base64_middles(text: &str) -> [String; 3] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    [0, 1, 2].map(|shift| {
        // Whole groups of three bytes only: the bytes before the first and after the last share characters with others.
        let skip = (3 - shift) % 3;
        text.as_bytes()[skip..]
            .chunks_exact(3)
            .flat_map(|group| {
                let bits = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
                [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(bits >> shift & 63) as usize]))
            })
            .collect()
    })
}
