package pontoon;

import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;

/** Dates and times as texts, for databases that keep them so. */
final class Civil {
    private Civil() {}

    static String text(LocalDateTime value) {
        return value.toLocalDate() + " " + text(value.toLocalTime());
    }

    /** With seconds always, which Java leaves out where they are zero. */
    static String text(LocalTime value) {
        String text = value.toString();
        return text.length() == 5 ? text + ":00" : text;
    }

    static String text(OffsetDateTime value) {
        ZoneOffset offset = value.getOffset();
        return text(value.toLocalDateTime()) + (offset.equals(ZoneOffset.UTC) ? "+00:00" : offset.getId());
    }

    /** Writes what the text says, if it is what its column was declared as; false if it is not. */
    static boolean write(Answer out, String text, int tag) {
        try {
            if (tag == Tag.DATE) {
                out.aDate(LocalDate.parse(text));
            } else if (tag == Tag.TIME) {
                out.aTime(LocalTime.parse(text));
            } else if (text.length() > 19 && text.indexOf('+', 19) + text.indexOf('-', 19) + text.indexOf('Z', 19) > -3) {
                stamp(out, OffsetDateTime.parse(text.replace(' ', 'T')));
            } else {
                stamp(out, LocalDateTime.parse(text.replace(' ', 'T')));
            }
            return true;
        } catch (DateTimeParseException other) {
            return false;
        }
    }

    static void stamp(Answer out, LocalDateTime value) {
        out.u8(Tag.TIMESTAMP);
        if (value.equals(LocalDateTime.MAX) || value.equals(LocalDateTime.MIN)) {
            out.infiniteDate(value.equals(LocalDateTime.MAX));
            out.i64(0);
            return;
        }
        out.date(value.toLocalDate());
        out.i64(value.toLocalTime().toNanoOfDay());
    }

    static void stamp(Answer out, OffsetDateTime value) {
        out.u8(Tag.TIMESTAMP_TZ);
        if (value.equals(OffsetDateTime.MAX) || value.equals(OffsetDateTime.MIN)) {
            out.infiniteDate(value.equals(OffsetDateTime.MAX));
            out.i64(0).i32(0);
            return;
        }
        out.date(value.toLocalDate());
        out.i64(value.toLocalTime().toNanoOfDay()).i32(value.getOffset().getTotalSeconds());
    }
}
