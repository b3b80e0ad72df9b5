//! Values for the parameters of a statement, by position or by name.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::sql::Pack;
use crate::value::{ConversionError, ToValue, Value};

/// The values of one call.
///
/// Made from whatever is at hand by [`IntoParams`]: a tuple or list for positions, [`params!`](crate::params!) or a map
/// for names. `Debug` shows names and kinds; values can be secrets and are not shown.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub enum Params {
    /// None at all.
    #[default]
    None,
    /// By position.
    Positional(Vec<Value>),
    /// By name, in any order. The name is without a colon.
    Named(Vec<(Cow<'static, str>, Value)>),
    /// A value was of a kind that no database value is exactly; why not. Binding them is that error.
    Invalid(Box<str>),
}

impl Params {
    /// Values by position that are still to be converted.
    #[inline]
    pub(crate) fn positional(values: impl Iterator<Item = Converted>) -> Params {
        let mut converted = Vec::with_capacity(values.size_hint().0);
        for value in values {
            match value {
                Ok(value) => converted.push(value),
                Err(error) => return Params::invalid(format_args!("parameter {}", converted.len() + 1), &error),
            }
        }
        Params::Positional(converted)
    }

    /// Values by name that are still to be converted.
    #[inline]
    fn named(values: impl Iterator<Item = (Cow<'static, str>, Converted)>) -> Params {
        let mut converted = Vec::with_capacity(values.size_hint().0);
        for (name, value) in values {
            match value {
                Ok(value) => converted.push((name, value)),
                Err(error) => return Params::invalid(format_args!("parameter :{name}"), &error),
            }
        }
        Params::Named(converted)
    }

    #[cold]
    fn invalid(which: fmt::Arguments<'_>, error: &ConversionError) -> Params {
        Params::Invalid(format!("{which}: {error}").into())
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        match self {
            Params::None => 0,
            Params::Positional(values) => values.len(),
            Params::Named(list) => list.len(),
            Params::Invalid(_) => 0,
        }
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && !matches!(self, Params::Invalid(_))
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Params::None => f.write_str("None"),
            Params::Positional(values) => f.debug_list().entries(values.iter().map(Value::kind)).finish(),
            Params::Named(list) => {
                f.debug_map().entries(list.iter().map(|(name, value)| (name, value.kind()))).finish()
            }
            Params::Invalid(reason) => f.debug_tuple("Invalid").field(reason).finish(),
        }
    }
}

type Converted = std::result::Result<Value, ConversionError>;

/// What can be given as the parameters of a call.
///
/// | given | parameters |
/// |---|---|
/// | `()` | none |
/// | a tuple of up to 16 values, `[T; N]`, `&[T]`, `Vec<T>` | by position |
/// | [`params![a, b]`](crate::params!) | by position |
/// | [`params! { name: value, other }`](crate::params!) | by name |
/// | `[("name", value)]` as array, slice or `Vec`, `BTreeMap`, `HashMap` | by name |
///
/// A list that is *one* value is a tuple of one: `(vec![1, 2, 3],)`, or has a name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the parameters of a statement",
    note = "a single value is given as `(value,)`, several as a tuple or `params![a, b]`, by name as `params! {{ name: value }}`, none as `()`"
)]
pub trait IntoParams {
    /// The parameters.
    fn into_params(self) -> Params;

    /// Adds the [parameters](IntoParams::into_params) to those of other runs, without what making them allocates.
    #[doc(hidden)]
    #[inline]
    fn pack(self, pack: &mut Pack<'_>)
    where
        Self: Sized,
    {
        pack.params(self.into_params());
    }
}

/// What can be given as the parameters of many runs of one statement: anything that iterates over [`IntoParams`].
pub trait IntoRows {
    /// Iterates over the rows.
    type Rows: Iterator<Item = Params>;

    /// The parameters, row by row.
    fn into_rows(self) -> Self::Rows;
}

impl<I> IntoRows for I
where
    I: IntoIterator,
    I::Item: IntoParams,
{
    type Rows = std::iter::Map<I::IntoIter, fn(I::Item) -> Params>;

    fn into_rows(self) -> Self::Rows {
        self.into_iter().map(IntoParams::into_params)
    }
}

impl IntoParams for Params {
    #[inline]
    fn into_params(self) -> Params {
        self
    }
}

impl IntoParams for &Params {
    fn into_params(self) -> Params {
        self.clone()
    }
}

impl IntoParams for () {
    #[inline]
    fn into_params(self) -> Params {
        Params::None
    }
}

/// Packs values by position; false where the statement needs more done with them.
#[inline]
fn pack_all<T: ToValue>(values: &[T], pack: &mut Pack<'_>) -> bool {
    let takes = pack.takes_positions(values.len());
    if takes {
        pack.positions(values.len(), |into| values.iter().for_each(|value| into.push(value)));
    }
    takes
}

impl<T: ToValue> IntoParams for Vec<T> {
    #[inline]
    fn into_params(self) -> Params {
        Params::positional(self.into_iter().map(ToValue::into_value))
    }

    #[inline]
    fn pack(self, pack: &mut Pack<'_>) {
        if !pack_all(&self, pack) {
            pack.params(self.into_params());
        }
    }
}

impl<T: ToValue> IntoParams for &[T] {
    fn into_params(self) -> Params {
        Params::positional(self.iter().map(ToValue::to_value))
    }

    #[inline]
    fn pack(self, pack: &mut Pack<'_>) {
        if !pack_all(self, pack) {
            pack.params(self.into_params());
        }
    }
}

impl<T: ToValue> IntoParams for &Vec<T> {
    fn into_params(self) -> Params {
        self.as_slice().into_params()
    }

    #[inline]
    fn pack(self, pack: &mut Pack<'_>) {
        self.as_slice().pack(pack);
    }
}

impl<T: ToValue, const N: usize> IntoParams for [T; N] {
    #[inline]
    fn into_params(self) -> Params {
        Params::positional(self.into_iter().map(ToValue::into_value))
    }

    #[inline]
    fn pack(self, pack: &mut Pack<'_>) {
        if !pack_all(&self, pack) {
            pack.params(self.into_params());
        }
    }
}

impl<T: ToValue, const N: usize> IntoParams for &[T; N] {
    fn into_params(self) -> Params {
        self.as_slice().into_params()
    }

    #[inline]
    fn pack(self, pack: &mut Pack<'_>) {
        self.as_slice().pack(pack);
    }
}

fn owned(name: &(impl AsRef<str> + ?Sized)) -> Cow<'static, str> {
    Cow::Owned(name.as_ref().to_owned())
}

fn named_by_value<N: AsRef<str>, T: ToValue>(pairs: impl IntoIterator<Item = (N, T)>) -> Params {
    Params::named(pairs.into_iter().map(|(name, value)| (owned(&name), value.into_value())))
}

fn named_by_ref<'p, N: AsRef<str> + 'p, T: ToValue + 'p>(pairs: impl IntoIterator<Item = (&'p N, &'p T)>) -> Params {
    Params::named(pairs.into_iter().map(|(name, value)| (owned(name), value.to_value())))
}

impl<N: AsRef<str>, T: ToValue> IntoParams for Vec<(N, T)> {
    fn into_params(self) -> Params {
        named_by_value(self)
    }
}

impl<N: AsRef<str>, T: ToValue> IntoParams for &[(N, T)] {
    fn into_params(self) -> Params {
        named_by_ref(self.iter().map(|(name, value)| (name, value)))
    }
}

impl<N: AsRef<str>, T: ToValue, const M: usize> IntoParams for [(N, T); M] {
    fn into_params(self) -> Params {
        named_by_value(self)
    }
}

impl<N: AsRef<str>, T: ToValue, const M: usize> IntoParams for &[(N, T); M] {
    fn into_params(self) -> Params {
        self.as_slice().into_params()
    }
}

impl<N: AsRef<str>, T: ToValue> IntoParams for BTreeMap<N, T> {
    fn into_params(self) -> Params {
        named_by_value(self)
    }
}

impl<N: AsRef<str>, T: ToValue> IntoParams for &BTreeMap<N, T> {
    fn into_params(self) -> Params {
        named_by_ref(self)
    }
}

impl<N: AsRef<str>, T: ToValue, S> IntoParams for HashMap<N, T, S> {
    fn into_params(self) -> Params {
        named_by_value(self)
    }
}

impl<N: AsRef<str>, T: ToValue, S> IntoParams for &HashMap<N, T, S> {
    fn into_params(self) -> Params {
        named_by_ref(self)
    }
}

macro_rules! tuple {
    ($($name:ident)+) => {
        impl<$($name: ToValue),+> IntoParams for ($($name,)+) {
            #[inline]
            fn into_params(self) -> Params {
                const COUNT: usize = [$(stringify!($name)),+].len();
                #[allow(non_snake_case, reason = "the values are called as their types")]
                let ($($name,)+) = self;
                let mut values = Vec::with_capacity(COUNT);
                // One by one, and not as an array: that would be written and copied as a whole first.
                $(match $name.into_value() {
                    Ok(value) => values.push(value),
                    Err(error) => return Params::invalid(format_args!("parameter {}", values.len() + 1), &error),
                })+
                Params::Positional(values)
            }

            #[inline]
            fn pack(self, pack: &mut Pack<'_>) {
                const COUNT: usize = [$(stringify!($name)),+].len();
                if !pack.takes_positions(COUNT) {
                    return pack.params(self.into_params());
                }
                #[allow(non_snake_case, reason = "the values are called as their types")]
                let ($($name,)+) = self;
                pack.positions(COUNT, |into| {
                    $(into.push(&$name);)+
                });
            }
        }
    };
}

tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);
tuple!(A B C D E F G);
tuple!(A B C D E F G H);
tuple!(A B C D E F G H I);
tuple!(A B C D E F G H I J);
tuple!(A B C D E F G H I J K);
tuple!(A B C D E F G H I J K L);
tuple!(A B C D E F G H I J K L M);
tuple!(A B C D E F G H I J K L M N);
tuple!(A B C D E F G H I J K L M N O);
tuple!(A B C D E F G H I J K L M N O P);

/// The parts of [`params!`](crate::params!).
#[doc(hidden)]
pub mod __params {
    use super::{Converted, Cow, Params, ToValue};

    #[inline]
    pub fn value<T: ToValue>(value: T) -> Converted {
        value.into_value()
    }

    #[inline]
    pub fn pair<T: ToValue>(name: impl Into<Cow<'static, str>>, value: T) -> (Cow<'static, str>, Converted) {
        let name = match name.into() {
            // A raw identifier is the way to call a variable by a keyword of Rust.
            Cow::Borrowed(name) => Cow::Borrowed(name.strip_prefix("r#").unwrap_or(name)),
            owned => owned,
        };
        (name, value.into_value())
    }

    #[inline]
    pub fn positional<const N: usize>(values: [Converted; N]) -> Params {
        if N == 0 { Params::None } else { Params::positional(values.into_iter()) }
    }

    #[inline]
    pub fn named<const N: usize>(values: [(Cow<'static, str>, Converted); N]) -> Params {
        Params::named(values.into_iter())
    }
}

/// Parameters of any types, by name or by position.
///
/// ```
/// use pontoon::params;
///
/// let id = 7;
/// // By name: `name: value`, `"name" => value`, `:name` for the variable of that name.
/// let named = params! { :id, text: "tidy up", "done" => true };
/// assert_eq!(named, params! { id: 7, text: "tidy up", done: true });
/// // By position: nothing but values.
/// let positional = params![id, "tidy up", true];
/// assert_ne!(named, positional);
/// ```
///
/// Beside entries with a name the colon of `:name` may be left out: `params! { id, text: "tidy up" }`. A list of nothing
/// but variables is by position. Values are moved; write `&value` to keep it.
#[macro_export]
macro_rules! params {
    // First, because what begins with a keyword would be read as an expression, and there is no way back from that.
    ($name:ident : $($rest:tt)+) => { $crate::__params_named!([] $name : $($rest)+) };
    ($($value:expr),* $(,)?) => {
        $crate::__params::positional([$($crate::__params::value($value)),*])
    };
    ($($entries:tt)+) => { $crate::__params_named!([] $($entries)+) };
}

/// Takes the entries of [`params!`] one by one.
#[doc(hidden)]
#[macro_export]
macro_rules! __params_named {
    ([$($done:tt)*]) => { $crate::__params::named([$($done)*]) };
    ([$($done:tt)*] : $name:ident $(, $($rest:tt)*)?) => {
        $crate::__params_named!([$($done)* $crate::__params::pair(::std::stringify!($name), $name),] $($($rest)*)?)
    };
    ([$($done:tt)*] $name:ident : $value:expr $(, $($rest:tt)*)?) => {
        $crate::__params_named!([$($done)* $crate::__params::pair(::std::stringify!($name), $value),] $($($rest)*)?)
    };
    ([$($done:tt)*] $name:literal : $value:expr $(, $($rest:tt)*)?) => {
        $crate::__params_named!([$($done)* $crate::__params::pair($name, $value),] $($($rest)*)?)
    };
    ([$($done:tt)*] $name:ident $(, $($rest:tt)*)?) => {
        $crate::__params_named!([$($done)* $crate::__params::pair(::std::stringify!($name), $name),] $($($rest)*)?)
    };
    ([$($done:tt)*] $name:expr => $value:expr $(, $($rest:tt)*)?) => {
        $crate::__params_named!([$($done)* $crate::__params::pair($name, $value),] $($($rest)*)?)
    };
}
