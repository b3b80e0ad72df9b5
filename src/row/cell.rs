//! How a value lies in a batch.

use crate::value::{ConversionError, Date, FromValue, Interval, Kind, Time, Timestamp, TimestampTz, Value, ValueRef};

/// A stretch of one of the heaps.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Span {
    #[inline]
    fn range(self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start + self.len as usize
    }
}

/// One value, in sixteen bytes: itself where it fits, else where it lies.
#[derive(Clone, Copy)]
pub(super) enum Cell {
    Null(Kind),
    Bool(bool),
    I64(i64),
    U64(u64),
    F32(f32),
    F64(f64),
    Decimal(Span),
    Text(Span),
    Json(Span),
    Bytes(Span),
    Date(Date),
    Time(Time),
    /// The time of day is its nanoseconds, which need 47 bits; that leaves room for the date beside it.
    Timestamp {
        high: u16,
        date: Date,
        low: u32,
    },
    /// An index into [`Heap::wide`].
    Wide(u32),
    /// An index into [`Heap::arrays`].
    Array(u32),
    Other {
        /// An index into [`Heap::type_names`].
        type_name: u32,
        text: Span,
    },
}

const _: () = assert!(size_of::<Cell>() == 16);

impl Cell {
    #[inline]
    pub(super) fn timestamp(value: Timestamp) -> Cell {
        let nanos = value.time().as_nanos();
        Cell::Timestamp { high: (nanos >> 32) as u16, date: value.date(), low: nanos as u32 }
    }
}

/// Values of a fixed size that is too large for a cell.
#[derive(Clone, Copy)]
pub(super) enum Wide {
    TimestampTz(TimestampTz),
    Interval(Interval),
    Uuid([u8; 16]),
}

/// What the cells of a batch point to. Only grows while a batch is built, so that a span once made stays right.
#[derive(Default)]
pub(super) struct Heap {
    pub(super) text: String,
    pub(super) bytes: Vec<u8>,
    pub(super) wide: Vec<Wide>,
    pub(super) arrays: Vec<Vec<Value>>,
    pub(super) type_names: Vec<Box<str>>,
}

impl Heap {
    // A span always lies within its heap and on character boundaries. The reads below still go through `get`, with an
    // empty slice where nothing can be missing: a slice that may panic is an effect, and would keep the compiler from
    // dropping the cases a caller does not ask for (`get::<i64>` compiles to one comparison of the tag).

    #[inline(always)]
    fn text(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    #[inline(always)]
    fn bytes(&self, span: Span) -> &[u8] {
        self.bytes.get(span.range()).unwrap_or_default()
    }

    /// Reads a cell as a `T`, if it is of the kind that a `T` usually comes from.
    ///
    /// With the kind known, what the compiler leaves of `i64::from_value` is a move, small enough to be inlined
    /// everywhere. Reading all kinds in one place has to put a `ValueRef` into memory first, which takes longer than
    /// everything else about a cell. For the same reason the cell is borrowed: it would be copied just to be passed on.
    #[inline(always)]
    pub(super) fn read_usual<'v, T: FromValue<'v>>(&'v self, cell: &Cell) -> Option<Result<T, ConversionError>> {
        match (cell, T::USUAL) {
            (Cell::I64(value), Kind::I64) => Some(T::from_value(ValueRef::I64(*value))),
            (Cell::Text(span), Kind::Text) => Some(T::from_value(ValueRef::Text(self.text(*span)))),
            (Cell::F64(value), Kind::F64) => Some(T::from_value(ValueRef::F64(*value))),
            _ => None,
        }
    }

    /// As [`read`](Self::read), for who goes on to ask for the kind at once: with the kinds that are nearly always meant
    /// in place, the compiler leads from here to the answer without making a value first.
    #[inline(always)]
    pub(super) fn read_usual_first(&self, cell: &Cell) -> ValueRef<'_> {
        match cell {
            Cell::I64(value) => ValueRef::I64(*value),
            Cell::Text(span) => ValueRef::Text(self.text(*span)),
            Cell::F64(value) => ValueRef::F64(*value),
            cell => self.read(cell),
        }
    }

    /// Reads a cell as it is.
    pub(super) fn read(&self, cell: &Cell) -> ValueRef<'_> {
        match *cell {
            Cell::Null(kind) => ValueRef::Null(kind),
            Cell::Bool(value) => ValueRef::Bool(value),
            Cell::I64(value) => ValueRef::I64(value),
            Cell::U64(value) => ValueRef::U64(value),
            Cell::F32(value) => ValueRef::F32(value),
            Cell::F64(value) => ValueRef::F64(value),
            Cell::Decimal(span) => ValueRef::Decimal(self.text(span)),
            Cell::Text(span) => ValueRef::Text(self.text(span)),
            Cell::Json(span) => ValueRef::Json(self.text(span)),
            Cell::Bytes(span) => ValueRef::Bytes(self.bytes(span)),
            Cell::Date(value) => ValueRef::Date(value),
            Cell::Time(value) => ValueRef::Time(value),
            Cell::Timestamp { high, date, low } => {
                let nanos = u64::from(high) << 32 | u64::from(low);
                ValueRef::Timestamp(Timestamp::new(date, Time::from_nanos(nanos).unwrap_or(Time::MIDNIGHT)))
            }
            Cell::Wide(index) => match self.wide.get(index as usize) {
                Some(Wide::TimestampTz(value)) => ValueRef::TimestampTz(*value),
                Some(Wide::Interval(value)) => ValueRef::Interval(*value),
                Some(Wide::Uuid(value)) => ValueRef::Uuid(*value),
                None => ValueRef::Null(Kind::Unknown),
            },
            Cell::Array(index) => ValueRef::Array(self.arrays.get(index as usize).map_or(&[], Vec::as_slice)),
            Cell::Other { type_name, text } => ValueRef::Other {
                type_name: self.type_names.get(type_name as usize).map_or("", |name| name),
                text: self.text(text),
            },
        }
    }
}
