//! Reading `#[row(...)]`.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{Attribute, DeriveInput, Error, ExprPath, Field, Ident, LitStr, Path, Result, Token, Type};

use crate::case::Case;

/// What is said of the struct.
pub(crate) struct Container {
    pub(crate) krate: Path,
    pub(crate) case: Option<Case>,
}

/// How a field gets its value.
pub(crate) enum Source {
    /// From a column, as it is.
    Column,
    /// From a column, through `serde`.
    Json,
    /// From a column, through `TryFrom` of this type.
    TryFrom(Box<Type>),
    /// From several columns, by its own `FromRow`.
    Flatten { prefix: Option<LitStr> },
    /// From no column.
    Skip,
}

/// What is said of a field.
pub(crate) struct FieldAttributes {
    pub(crate) rename: Option<LitStr>,
    pub(crate) default: Option<DefaultValue>,
    pub(crate) source: Source,
}

/// Where the value comes from when there is no column.
pub(crate) enum DefaultValue {
    Trait,
    Call(ExprPath),
}

impl Container {
    pub(crate) fn of(input: &DeriveInput) -> Result<Container> {
        let mut krate = Given::new("crate");
        let mut case = Given::new("rename_all");
        each(&input.attrs, |meta| {
            if meta.path.is_ident("crate") {
                krate.set(&meta, parsed(&meta, Path::parse_mod_style)?)
            } else if meta.path.is_ident("rename_all") {
                let name = text(&meta)?;
                let known = Case::ALL.map(|(name, _)| format!("`{name}`")).join(", ");
                let found = Case::of_name(&name.value())
                    .ok_or_else(|| Error::new(name.span(), format!("unknown case; the cases are {known}")))?;
                case.set(&meta, found)
            } else {
                Err(meta.error("unknown attribute of a struct; there are `rename_all` and `crate`"))
            }
        })?;
        Ok(Container { krate: krate.value.unwrap_or_else(|| syn::parse_quote!(::pontoon)), case: case.value })
    }
}

impl FieldAttributes {
    pub(crate) fn of(field: &Field) -> Result<FieldAttributes> {
        let mut rename = Given::new("rename");
        let mut default = Given::new("default");
        let mut prefix = Given::new("prefix");
        let mut source: Option<(Ident, Source)> = None;
        each(&field.attrs, |meta| {
            let name = meta.path.require_ident()?.clone();
            let chosen = if name == "rename" {
                return rename.set(&meta, text(&meta)?);
            } else if name == "default" {
                let call = meta.input.peek(Token![=]);
                let value = if call { DefaultValue::Call(text(&meta)?.parse()?) } else { DefaultValue::Trait };
                return default.set(&meta, value);
            } else if name == "prefix" {
                let value = text(&meta)?;
                if value.value().is_empty() {
                    return Err(Error::new(value.span(), "an empty prefix is none: leave it out"));
                }
                return prefix.set(&meta, value);
            } else if name == "json" {
                Source::Json
            } else if name == "try_from" {
                Source::TryFrom(Box::new(text(&meta)?.parse()?))
            } else if name == "flatten" {
                Source::Flatten { prefix: None }
            } else if name == "skip" {
                Source::Skip
            } else {
                return Err(meta.error(
                    "unknown attribute of a field; there are `rename`, `default`, `flatten`, `prefix`, `json`, \
                     `try_from` and `skip`",
                ));
            };
            if let Some((before, _)) = &source {
                return Err(meta.error(format!("`{before}` and `{name}` exclude each other")));
            }
            source = Some((name, chosen));
            Ok(())
        })?;
        let mut source = source.map_or(Source::Column, |(_, source)| source);
        if let Source::Flatten { prefix: of_flatten } = &mut source {
            rename.refuse("`flatten` reads several columns: they are renamed in the struct that reads them")?;
            default.refuse("`flatten` has no default of its own: give the fields of the inner struct one")?;
            *of_flatten = prefix.value;
        } else {
            prefix.refuse("`prefix` goes with `flatten`")?;
        }
        if let Source::Skip = source {
            rename.refuse("a field that is skipped has no column to name")?;
        }
        Ok(FieldAttributes { rename: rename.value, default: default.value, source })
    }

    /// That nothing is said that needs a name.
    pub(crate) fn check_positional(&self, field: &Field) -> Result<()> {
        let refused = match (&self.rename, &self.default, &self.source) {
            (Some(_), _, _) => "rename",
            (_, Some(_), source) if !matches!(source, Source::Skip) => "default",
            (_, _, Source::Flatten { .. }) => "flatten",
            _ => return Ok(()),
        };
        Err(Error::new_spanned(
            field,
            format!("`{refused}` needs columns that are read by name; a tuple struct reads them by position"),
        ))
    }
}

/// An attribute that may be given once.
struct Given<T> {
    name: &'static str,
    value: Option<T>,
    span: Span,
}

impl<T> Given<T> {
    fn new(name: &'static str) -> Given<T> {
        Given { name, value: None, span: Span::call_site() }
    }

    fn set(&mut self, meta: &ParseNestedMeta<'_>, value: T) -> Result<()> {
        if self.value.is_some() {
            return Err(meta.error(format!("`{}` is given twice", self.name)));
        }
        self.span = meta.path.segments.first().map_or_else(Span::call_site, |segment| segment.ident.span());
        self.value = Some(value);
        Ok(())
    }

    fn refuse(&self, why: &str) -> Result<()> {
        match self.value {
            Some(_) => Err(Error::new(self.span, why)),
            None => Ok(()),
        }
    }
}

fn each(attributes: &[Attribute], mut read: impl FnMut(ParseNestedMeta<'_>) -> Result<()>) -> Result<()> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("row"))
        .try_for_each(|attribute| attribute.parse_nested_meta(&mut read))
}

fn text(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    meta.value()?.parse()
}

fn parsed<P: Parser>(meta: &ParseNestedMeta<'_>, parser: P) -> Result<P::Output> {
    text(meta)?.parse_with(parser)
}
