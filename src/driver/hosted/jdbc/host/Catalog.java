package pontoon;

import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** What is in the database, from the driver's DatabaseMetaData. Small enough to be sent whole. */
final class Catalog {
    private static final Set<String> SYSTEM =
            Set.of("INFORMATION_SCHEMA", "PG_CATALOG", "SYSTEM_LOBS", "SYS", "SYSIBM", "SYSCAT", "PERFORMANCE_SCHEMA", "MYSQL");

    private final DatabaseMetaData data;
    private final String catalog;
    private final String escape;

    Catalog(Connection connection) throws SQLException {
        data = connection.getMetaData();
        catalog = connection.getCatalog();
        escape = data.getSearchStringEscape();
    }

    void write(Answer out, int what, String table) throws SQLException {
        switch (what) {
            case 0:
                tables(out);
                break;
            case 1:
                columns(out, find(table));
                break;
            case 2:
                indexes(out, find(table));
                break;
            default:
                foreignKeys(out, find(table));
        }
    }

    private static void names(Answer out, Object... namesAndKinds) {
        out.i32(namesAndKinds.length / 2);
        for (int i = 0; i < namesAndKinds.length; i += 2) {
            out.text((String) namesAndKinds[i]).textOrNull(null).u8((Integer) namesAndKinds[i + 1]);
        }
    }

    private static void text(Answer out, String text) {
        if (text == null) {
            out.aNull(Tag.TEXT);
        } else {
            out.aText(text);
        }
    }

    private static boolean isTable(String type) {
        return type.endsWith("TABLE") || type.endsWith("VIEW") || type.endsWith("TEMPORARY");
    }

    private static boolean isSystem(String schema, String type) {
        return type.contains("SYSTEM") || schema != null && SYSTEM.contains(schema.toUpperCase(Locale.ROOT));
    }

    private void tables(Answer out) throws SQLException {
        names(out, "schema", Tag.TEXT, "name", Tag.TEXT, "kind", Tag.TEXT);
        int place = out.size();
        int rows = 0;
        out.i32(0);
        try (ResultSet found = data.getTables(catalog, null, "%", null)) {
            while (found.next()) {
                String schema = found.getString("TABLE_SCHEM");
                String type = found.getString("TABLE_TYPE");
                type = type == null ? "" : type.toUpperCase(Locale.ROOT);
                if (isTable(type) && !isSystem(schema, type)) {
                    text(out, schema);
                    text(out, found.getString("TABLE_NAME"));
                    out.aText(type.endsWith("VIEW") ? "view" : "table");
                    rows++;
                }
            }
        }
        out.put32(place, rows);
    }

    private record Found(String schema, String name) {}

    /** The table of this name: as it is written, else as the database folds it. */
    private Found find(String table) throws SQLException {
        List<String> spellings = new ArrayList<>();
        spellings.add(table);
        if (data.storesUpperCaseIdentifiers()) {
            spellings.add(table.toUpperCase(Locale.ROOT));
        } else if (data.storesLowerCaseIdentifiers()) {
            spellings.add(table.toLowerCase(Locale.ROOT));
        }
        for (String name : spellings) {
            try (ResultSet found = data.getTables(catalog, null, pattern(name), null)) {
                while (found.next()) {
                    String schema = found.getString("TABLE_SCHEM");
                    String type = found.getString("TABLE_TYPE");
                    type = type == null ? "" : type.toUpperCase(Locale.ROOT);
                    if (isTable(type) && !isSystem(schema, type) && name.equals(found.getString("TABLE_NAME"))) {
                        return new Found(schema, name);
                    }
                }
            }
        }
        return null;
    }

    private String pattern(String name) {
        if (escape == null || escape.isEmpty()) {
            return name;
        }
        return name.replace(escape, escape + escape).replace("_", escape + "_").replace("%", escape + "%");
    }

    private void columns(Answer out, Found table) throws SQLException {
        names(out, "name", Tag.TEXT, "type_name", Tag.TEXT, "nullable", Tag.BOOL, "default", Tag.TEXT, "primary_key", Tag.SIGNED);
        int place = out.size();
        int rows = 0;
        out.i32(0);
        if (table != null) {
            Map<String, Integer> key = new HashMap<>();
            try (ResultSet found = data.getPrimaryKeys(catalog, table.schema, table.name)) {
                while (found.next()) {
                    key.put(found.getString("COLUMN_NAME"), found.getInt("KEY_SEQ"));
                }
            }
            try (ResultSet found = data.getColumns(catalog, table.schema == null ? null : pattern(table.schema), pattern(table.name), "%")) {
                while (found.next()) {
                    String name = found.getString("COLUMN_NAME");
                    String type = found.getString("TYPE_NAME");
                    int nullable = found.getInt("NULLABLE");
                    text(out, name);
                    text(out, type);
                    out.aBool(nullable != DatabaseMetaData.columnNoNulls);
                    text(out, found.getString("COLUMN_DEF"));
                    out.aLong(key.getOrDefault(name, 0));
                    rows++;
                }
            }
        }
        out.put32(place, rows);
    }

    private void indexes(Answer out, Found table) throws SQLException {
        names(out, "index", Tag.TEXT, "unique", Tag.BOOL, "position", Tag.SIGNED, "column", Tag.TEXT, "descending", Tag.BOOL);
        int place = out.size();
        int rows = 0;
        out.i32(0);
        if (table != null) {
            try (ResultSet found = data.getIndexInfo(catalog, table.schema, table.name, false, true)) {
                while (found.next()) {
                    if (found.getShort("TYPE") == DatabaseMetaData.tableIndexStatistic || found.getString("INDEX_NAME") == null) {
                        continue;
                    }
                    text(out, found.getString("INDEX_NAME"));
                    out.aBool(!found.getBoolean("NON_UNIQUE"));
                    out.aLong(found.getShort("ORDINAL_POSITION"));
                    text(out, found.getString("COLUMN_NAME"));
                    out.aBool("D".equals(found.getString("ASC_OR_DESC")));
                    rows++;
                }
            }
        }
        out.put32(place, rows);
    }

    private void foreignKeys(Answer out, Found table) throws SQLException {
        names(out, "key", Tag.TEXT, "position", Tag.SIGNED, "column", Tag.TEXT, "references_table", Tag.TEXT, "references_column",
                Tag.TEXT);
        int place = out.size();
        int rows = 0;
        out.i32(0);
        if (table != null) {
            try (ResultSet found = data.getImportedKeys(catalog, table.schema, table.name)) {
                while (found.next()) {
                    text(out, found.getString("FK_NAME"));
                    out.aLong(found.getShort("KEY_SEQ"));
                    text(out, found.getString("FKCOLUMN_NAME"));
                    text(out, found.getString("PKTABLE_NAME"));
                    text(out, found.getString("PKCOLUMN_NAME"));
                    rows++;
                }
            }
        }
        out.put32(place, rows);
    }
}
