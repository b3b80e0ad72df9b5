//! What holds for every text.

use pontoon::sql::{
    DB2, Dialect, GENERIC, H2, MARIADB, MYSQL, ORACLE, POSTGRES, SQLITE, Scanner, Statement, TSQL, TokenKind,
    split_script,
};
use pontoon::value::Value;
use pontoon::{IntoParams, Params};
use proptest::collection::vec;
use proptest::prelude::*;

const DIALECTS: [&Dialect; 9] = [&GENERIC, &SQLITE, &POSTGRES, &MYSQL, &MARIADB, &TSQL, &ORACLE, &DB2, &H2];

fn dialects() -> impl Strategy<Value = &'static Dialect> {
    (0..DIALECTS.len()).prop_map(|at| DIALECTS[at])
}

/// Texts out of what means something to a scanner.
fn sql() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "'",
            "\"",
            "`",
            "[",
            "]",
            "(",
            ")",
            "$",
            "$$",
            "$a$",
            "--",
            "-",
            "/*",
            "*/",
            "/*!",
            "/*!50000",
            "#",
            ":",
            "::",
            ":a",
            ":b",
            ":long_name",
            "?",
            "?1",
            "$1",
            "@p1",
            "@a",
            "\\",
            "\\:",
            "\\?",
            ";",
            ",",
            "=",
            "\n",
            "\r",
            " ",
            "E'",
            "q'[",
            "]'",
            "U&'",
            "in",
            "IN (",
            "select",
            "begin",
            "end",
            "case",
            "create trigger",
            "return",
            "é",
            "\u{feff}",
            "1",
            "a",
            "_",
            "%",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,4}",
        "\\PC{0,2}",
    ];
    vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// Something that hides whatever is in it, and what can be in it without ending it.
fn hiding() -> impl Strategy<Value = String> {
    let inside =
        "(:[a-z]{1,3}|\\?|;|[a-z ,=<>()-]){0,12}".prop_filter("no comment inside of one", |s| !s.contains("--"));
    (inside, 0..5).prop_map(|(inside, kind)| match kind {
        0 => format!("'{inside}''{inside}'"),
        1 => format!("\"{inside}\""),
        2 => format!("/* {inside} */"),
        3 => format!("-- {inside}\n"),
        _ => format!("'/* {inside} \" -- ' /* ' {inside} \" */ \"'{inside}\""),
    })
}

/// White space as databases see it; a byte order mark is some to SQLite.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r' | '\u{feff}')
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Tokens are in order and do not overlap; what is between them is white space. What cannot be read says where.
    #[test]
    fn tokens_and_white_space_are_the_text((text, dialect) in (sql(), dialects())) {
        let mut done = 0;
        let mut failed = false;
        for token in Scanner::new(&text, dialect) {
            let Ok(token) = token else { failed = true; continue };
            prop_assert!(!failed);
            prop_assert!(done <= token.start && token.start < token.end);
            prop_assert!(text[done..token.start].chars().all(is_space));
            prop_assert!(text.is_char_boundary(token.end));
            done = token.end;
        }
        if !failed {
            prop_assert!(text[done..].chars().all(is_space));
        }
    }

    /// Cutting at the slots and joining again gives the text; the rendered text differs in them and in escapes alone.
    #[test]
    fn rendering_changes_placeholders_alone((text, dialect) in (sql(), dialects())) {
        let Ok(statement) = Statement::parse(&text, dialect) else { return Ok(()) };
        prop_assert_eq!(statement.text(), &text);
        let escapes = Scanner::new(&text, dialect).filter_map(Result::ok).filter(|token| token.kind == TokenKind::Escape);
        let mut pieces: Vec<_> = statement.slots().map(|slot| (slot.range.clone(), Some(slot.parameter))).collect();
        pieces.extend(escapes.map(|token| (token.start..token.start + 1, None)));
        pieces.sort_by_key(|(range, _)| range.start);
        let (mut joined, mut rendered, mut done) = (String::new(), String::new(), 0);
        for (range, parameter) in pieces {
            joined += &text[done..range.start];
            joined += &text[range.clone()];
            rendered += &text[done..range.start];
            if let Some(parameter) = parameter {
                let style = dialect.placeholder;
                rendered += style.prefix;
                if style.numbered {
                    rendered += &(parameter + 1).to_string();
                }
            }
            done = range.end;
        }
        joined += &text[done..];
        rendered += &text[done..];
        prop_assert_eq!(joined, &*text);
        prop_assert_eq!(rendered, statement.sql());
    }

    /// A text with the driver's own placeholders reads as the same parameters.
    #[test]
    fn a_rendered_text_is_read_alike((text, dialect) in (sql(), dialects())) {
        let Ok(statement) = Statement::parse(&text, dialect) else { return Ok(()) };
        // Without its backslash an escaped character is a parameter, and a name can end where a number goes on.
        if text.contains('\\') || statement.sql().len() != text.len() && !dialect.placeholder.numbered {
            return Ok(());
        }
        let Ok(again) = Statement::parse(statement.sql(), dialect) else { return Ok(()) };
        if again.parameter_count() == statement.parameter_count() {
            prop_assert_eq!(again.sql(), statement.sql());
            prop_assert_eq!(again.kind(), statement.kind());
        }
    }

    /// Names stand where they were put, however what is around them is nested, and nowhere else.
    #[test]
    fn names_are_found_between_whatever_hides_others(
        (parts, dialect) in (vec((hiding(), 0..4_usize), 1..8), dialects()),
    ) {
        let mut text = String::from("select ");
        let mut expected = Vec::new();
        for (hidden, name) in parts {
            text += &hidden;
            if name > 0 {
                expected.push(text.len() + 1..text.len() + 4);
                text += &format!(" :p{name},");
            }
        }
        let statement = Statement::parse(&text, dialect).unwrap();
        let found: Vec<_> = statement.slots().map(|slot| slot.range).collect();
        prop_assert_eq!(found, expected, "{}", text);
        prop_assert!(!statement.is_multiple());
    }

    /// Binding gives every placeholder a value, with lists and without.
    #[test]
    fn every_placeholder_has_a_value((text, dialect, list) in (sql(), dialects(), any::<bool>())) {
        let Ok(statement) = Statement::parse(&text, dialect) else { return Ok(()) };
        let value = |n: usize| if list { Value::Array(vec![Value::I64(n as i64), Value::Bool(true)]) } else { Value::I64(n as i64) };
        let names: Vec<_> = statement.names().map(str::to_owned).collect();
        let values: Vec<_> = (0..statement.parameter_count()).map(value).collect();
        let params = if names.is_empty() {
            Params::Positional(values)
        } else {
            names.into_iter().zip(values).rev().collect::<Vec<_>>().into_params()
        };
        if statement.is_multiple() || statement.is_empty() {
            prop_assert!(statement.bind(params).is_err());
            return Ok(());
        }
        let bound = statement.bind(params).unwrap();
        let extra = statement.slots().filter(|slot| slot.is_list && list).count();
        if !dialect.placeholder.numbered {
            prop_assert_eq!(bound.values.len(), statement.slots().count() + extra);
        } else if extra == 0 {
            prop_assert_eq!(bound.values.len(), statement.parameter_count());
        }
        if extra == 0 {
            prop_assert_eq!(&bound.sql, statement.sql());
        }
    }

    /// What a script is cut into stands in it, in order, and is whole.
    #[test]
    fn a_script_is_the_sum_of_its_statements((text, dialect) in (sql(), dialects())) {
        let mut done = 0;
        for statement in split_script(&text, dialect) {
            let Ok(statement) = statement else { break };
            let at = statement.text.as_ptr() as usize - text.as_ptr() as usize;
            prop_assert!(at >= done && !statement.text.is_empty());
            prop_assert_eq!(statement.line, text[..at].matches('\n').count() + 1);
            done = at + statement.text.len();
        }
    }
}
