//! Words that mean something to more than one part of this floor.

/// Whether what follows the keyword is an operand, so that a `?` behind it is a parameter and no operator.
///
/// Words that PostgreSQL lets a column be called are left out where a statement is likelier to mean the column.
pub(super) fn expects_operand(word: &[u8]) -> bool {
    const WORDS: [&[u8]; 41] = [
        b"all",
        b"and",
        b"any",
        b"as",
        b"between",
        b"by",
        b"call",
        b"case",
        b"default",
        b"distinct",
        b"else",
        b"escape",
        b"except",
        b"execute",
        b"fetch",
        b"first",
        b"for",
        b"from",
        b"having",
        b"ilike",
        b"in",
        b"intersect",
        b"is",
        b"like",
        b"limit",
        b"next",
        b"not",
        b"offset",
        b"on",
        b"or",
        b"overlaps",
        b"return",
        b"returning",
        b"select",
        b"set",
        b"then",
        b"to",
        b"using",
        b"when",
        b"where",
        b"zone",
    ];
    WORDS.iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

/// Whether the word is this keyword, which is given in capitals.
#[inline]
pub(super) fn is(word: &[u8], keyword: &str) -> bool {
    word.len() == keyword.len() && word.eq_ignore_ascii_case(keyword.as_bytes())
}

/// Whether the word is one of these keywords.
#[inline]
pub(super) fn is_any(word: &[u8], keywords: &[&str]) -> bool {
    keywords.iter().any(|keyword| is(word, keyword))
}

/// What `EXPLAIN` can stand before.
pub(super) const EXPLAINED: &[&str] = &[
    "SELECT", "VALUES", "TABLE", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "CREATE", "EXECUTE",
    "DECLARE", "REFRESH",
];

/// Verbs that change what the database is made of, beside CREATE and DROP.
pub(super) const DDL: &[&str] = &[
    "ALTER",
    "TRUNCATE",
    "GRANT",
    "REVOKE",
    "RENAME",
    "COMMENT",
    "REINDEX",
    "REFRESH",
    "SECURITY",
    "IMPORT",
    "REASSIGN",
    "VACUUM",
    "CLUSTER",
    "OPTIMIZE",
    "REPAIR",
    "INSTALL",
    "UNINSTALL",
    "AUDIT",
    "NOAUDIT",
];

/// Verbs that change the session.
pub(super) const SESSION: &[&str] = &[
    "USE",
    "RESET",
    "DISCARD",
    "LISTEN",
    "UNLISTEN",
    "ATTACH",
    "DETACH",
    "DEALLOCATE",
    "MOVE",
    "CLOSE",
    "OPEN",
    "HANDLER",
    "LOCK",
    "UNLOCK",
];

/// What can be created.
pub(super) const OBJECTS: &[&str] = &[
    "TABLE",
    "VIEW",
    "INDEX",
    "SCHEMA",
    "DATABASE",
    "SEQUENCE",
    "ROLE",
    "USER",
    "EXTENSION",
    "DOMAIN",
    "RULE",
    "POLICY",
    "OPERATOR",
    "AGGREGATE",
    "COLLATION",
    "CONVERSION",
    "LANGUAGE",
    "SERVER",
    "PUBLICATION",
    "SUBSCRIPTION",
    "STATISTICS",
    "TABLESPACE",
    "SYNONYM",
    "LOGIN",
    "CAST",
    "TEXT",
    "ACCESS",
    "FOREIGN",
    "VIRTUAL",
    "ALIAS",
    "RESOURCE",
    "SPATIAL",
];
