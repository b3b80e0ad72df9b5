use super::*;

const CANARY: &str = "c4n@ry/p%ss:w[o]r&d=+ é";

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for n in 0..=group.len() {
            out.push(char::from(BASE64[(word >> (18 - 6 * n) & 63) as usize]));
        }
        out.extend(std::iter::repeat_n('=', 3 - group.len()));
    }
    out
}

#[test]
fn a_secret_is_found_in_every_spelling() {
    let redactor = Redactor::new([&Secret::new(CANARY)]);
    let spellings = [
        CANARY.to_string(),
        encoded(CANARY),
        encoded(CANARY).to_uppercase().replace("%C3%A9", "é"),
        encoded(CANARY).replace('%', "%25"),
        CANARY.replace(' ', "+"),
        "c4n%40ry%2Fp%25ss%3Aw%5Bo%5Dr%26d%3D%2B%20%C3%A9".to_string(),
        "c4n%2540ry%252Fp%2525ss%253Aw%255Bo%255Dr%2526d%253D%252B%2520%25C3%25A9".to_string(),
        CANARY.replace('é', "\\u00e9"),
        CANARY.replace('é', "\\u{e9}"),
        CANARY.replace('/', "\\/"),
        CANARY.replace('&', "&amp;"),
    ];
    for spelling in spellings {
        let message = format!("before {spelling} after");
        assert_eq!(redactor.redact(&message), "before *** after", "{spelling}");
    }
}

#[test]
fn a_doubled_or_escaped_delimiter_does_not_hide_it() {
    let redactor = Redactor::new([&Secret::new("ab'c}d\"e")]);
    for spelling in ["ab'c}d\"e", "ab''c}d\"e", "ab'c}}d\"e", "ab\\'c}d\\\"e", "ab''c}}d\"\"e"] {
        assert_eq!(redactor.redact(&format!("x {spelling} y")), "x *** y");
    }
}

#[test]
fn a_secret_is_found_inside_base64_at_every_alignment() {
    let redactor = Redactor::new([&Secret::new(CANARY)]);
    for prefix in ["", "u", "us", "use", "user:"] {
        for suffix in ["", "x", "xy", "xyz"] {
            let whole = base64(format!("{prefix}{CANARY}{suffix}").as_bytes());
            for whole in [whole.clone(), whole.replace('+', "-").replace('/', "_"), whole.replace('+', "%2B")] {
                let shown = redactor.redact(&whole).into_owned();
                assert!(shown.contains(MASK), "{prefix} {suffix} {whole}");
                // What is left are the digits that hold the neighbours too: a bit or two of the secret at each end.
                assert!(shown.len() <= MASK.len() + prefix.len() * 2 + suffix.len() * 2 + 8, "{shown}");
            }
        }
    }
}

#[test]
fn a_short_secret_is_found_as_a_word_only() {
    let redactor = Redactor::new([&Secret::new("a")]);
    assert_eq!(redactor.redact("a bad idea, says 'a'"), "*** bad idea, says '***'");
    assert_eq!(Redactor::new([&Secret::new("")]).redact("nothing to hide"), "nothing to hide");
}

#[test]
fn assignments_are_hidden_though_the_secret_is_unknown() {
    let redactor = Redactor::default();
    for (message, shown) in [
        (
            "No suitable driver found for jdbc:x://h/db?user=a&password=s3cr3t&x=1",
            "No suitable driver found for jdbc:x://h/db?user=a&password=***&x=1",
        ),
        ("Driver=x;UID=u;PWD={a;}}b};Port=1", "Driver=x;UID=u;PWD=***;Port=1"),
        ("host=h password='it''s' dbname=d", "host=h password=*** dbname=d"),
        ("host=h password = hunter2", "host=h password = ***"),
        (r#"{"user":"u","password": "a\"b","port":1}"#, r#"{"user":"u","password": ***,"port":1}"#),
        (r#"args: "{\"password\": \"abc\"}""#, r#"args: "{\"password\": \***}""#),
        ("OptsBuilder { pass: x, ssl_password: Some }", "OptsBuilder { pass: x, ssl_password: *** }"),
        ("access_token=abc.def", "access_token=***"),
        ("connect to postgresql://bob:hunter2@h/db failed", "connect to postgresql://bob:***@h/db failed"),
        ("connect to postgresql://bob:hun/t@er2@h:1/db failed", "connect to postgresql://bob:***@h:1/db failed"),
    ] {
        assert_eq!(redactor.redact(message), shown);
    }
}

#[test]
fn a_message_without_a_secret_is_left_alone() {
    let redactor = Redactor::new([&Secret::new(CANARY)]);
    for message in [
        "password authentication failed for user \"bob\"",
        "unrecognized token: \"@\"",
        "no such column: passwords",
        "syntax error near password::text",
        "postgresql://bob@h:5432/db is down",
        "see https://example.org/a@b",
        "",
    ] {
        assert!(matches!(redactor.redact(message), Cow::Borrowed(same) if same == message), "{message}");
    }
}

#[test]
fn clones_learn_together_and_forget_the_oldest() {
    let redactor = Redactor::default();
    let clone = redactor.clone();
    redactor.learn(&Secret::new("first-token"));
    assert_eq!(clone.redact("with first-token"), "with ***");
    for n in 0..REMEMBERED {
        redactor.learn(&Secret::new(format!("token-number-{n:03}")));
    }
    assert_eq!(clone.redact("with first-token"), "with first-token");
    assert_eq!(clone.redact("with token-number-031"), "with ***");
    assert!(!format!("{clone:?}").contains("token"));
}

#[test]
fn a_source_with_a_secret_is_replaced_by_its_messages() {
    #[derive(Debug)]
    struct Opts {
        #[expect(dead_code, reason = "read by Debug")]
        pass: String,
    }
    impl fmt::Display for Opts {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("cannot connect")
        }
    }
    impl StdError for Opts {}

    let redactor = Redactor::new([&Secret::new("s3cr3t")]);
    let source = redactor.source(Opts { pass: "s3cr3t".into() });
    assert_eq!(source.to_string(), "cannot connect");
    assert!(!format!("{source:?}").contains("s3cr3t"));
    assert!(source.downcast_ref::<Opts>().is_none());

    let clean = redactor.source(Opts { pass: "other".into() });
    assert!(clean.downcast_ref::<Opts>().is_some());

    let io = redactor.source(std::io::Error::other("refused: s3cr3t"));
    assert_eq!(io.to_string(), "refused: ***");
}

#[test]
fn an_assignment_at_the_end_of_another_keeps_its_value() {
    let redactor = Redactor::default();
    for message in
        ["token=password= hunter2", "token=pwd=\"hunter2 x\"", "token=pwd=\\ hunter2", "token=a=pwd={hunter2 x}"]
    {
        let shown = redactor.redact(message);
        assert!(!shown.contains("hunter2"), "{message}: {shown}");
    }
}

#[test]
fn a_quoted_value_without_an_end_takes_all_of_the_rest() {
    let redactor = Redactor::default();
    for open in ['"', '\'', '`', '{'] {
        assert_eq!(redactor.redact(&format!("pwd={open}hunter2 and more; x=y")), "pwd=***");
        let far = "x".repeat(LONGEST_QUOTED);
        assert_eq!(redactor.redact(&format!("pwd={open}{far}\"'`}} hunter2")), "pwd=***");
    }
}

/// Values of rows come back in messages, so whoever can store a text chooses what is scrubbed. With work that grows as
/// the square of the length these would take minutes.
#[test]
fn long_hostile_messages_are_scrubbed_in_one_pass() {
    let redactor = Redactor::new([&Secret::new("correct horse")]);
    for piece in [
        "://",
        "a://b:c@",
        "password=",
        "password:",
        "password={",
        "password='",
        "password=\\'",
        "\"password\":\"x\\\",",
        "pwd= ",
        "pwd=\\ ",
        "correct hors",
        "'",
        "%",
        "&",
        "=",
        "{",
        "a",
    ] {
        let text = piece.repeat(200_000 / piece.len());
        let start = std::time::Instant::now();
        let _ = redactor.redact(&text);
        assert!(start.elapsed() < std::time::Duration::from_secs(20), "{piece}: {:?}", start.elapsed());
    }
}
