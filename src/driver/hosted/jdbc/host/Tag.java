package pontoon;

/** The kinds of values, as the protocol counts them. */
final class Tag {
    static final int NULL = 0;
    static final int BOOL = 1;
    static final int SIGNED = 2;
    static final int UNSIGNED = 3;
    static final int FLOAT = 4;
    static final int DOUBLE = 5;
    static final int DECIMAL = 6;
    static final int TEXT = 7;
    static final int BYTES = 8;
    static final int DATE = 9;
    static final int TIME = 10;
    static final int TIMESTAMP = 11;
    static final int TIMESTAMP_TZ = 12;
    static final int INTERVAL = 13;
    static final int UUID = 14;
    static final int JSON = 15;
    static final int ARRAY = 16;
    static final int OTHER = 17;

    private Tag() {}
}
