package pontoon;

import java.util.Locale;

/** What a statement is, by its first word. */
final class Words {
    private Words() {}

    static boolean isInsert(String sql) {
        return begins(sql, "INSERT") || begins(sql, "REPLACE");
    }

    /** Whether its count of rows is one of rows that were changed. */
    static boolean isWrite(String sql) {
        return isInsert(sql) || begins(sql, "UPDATE") || begins(sql, "DELETE") || begins(sql, "MERGE") || begins(sql, "WITH");
    }

    /** Whether it is worth being kept prepared. */
    static boolean isPlain(String sql) {
        return begins(sql, "SELECT") || begins(sql, "VALUES") || isWrite(sql);
    }

    /** Whether it defines data, which commits on many databases. */
    static boolean isDefinition(String sql) {
        return begins(sql, "CREATE") || begins(sql, "ALTER") || begins(sql, "DROP") || begins(sql, "TRUNCATE")
                || begins(sql, "GRANT") || begins(sql, "REVOKE") || begins(sql, "COMMENT") || begins(sql, "ANALYZE")
                || begins(sql, "RENAME");
    }

    static boolean isStart(String sql) {
        return begins(sql, "START");
    }

    /** Whether it ends the transaction, and begins no other. */
    static boolean isEnd(String sql) {
        String upper = sql.toUpperCase(Locale.ROOT);
        boolean goesOn = upper.matches("(?s).*\\sTO\\s.*") || upper.contains("CHAIN") && !upper.contains("NO CHAIN");
        return (begins(sql, "COMMIT") || begins(sql, "ROLLBACK")) && !goesOn;
    }

    private static boolean begins(String sql, String word) {
        int at = start(sql);
        int end = at + word.length();
        return sql.regionMatches(true, at, word, 0, word.length())
                && (end == sql.length() || !Character.isLetterOrDigit(sql.charAt(end)) && sql.charAt(end) != '_');
    }

    /** Where the first word is, behind space and comments. */
    private static int start(String sql) {
        int at = 0;
        while (at < sql.length()) {
            char c = sql.charAt(at);
            if (Character.isWhitespace(c) || c == '(') {
                at++;
            } else if (sql.startsWith("--", at)) {
                int end = sql.indexOf('\n', at);
                at = end < 0 ? sql.length() : end + 1;
            } else if (sql.startsWith("/*", at)) {
                int end = sql.indexOf("*/", at + 2);
                at = end < 0 ? sql.length() : end + 2;
            } else {
                break;
            }
        }
        return at;
    }
}
