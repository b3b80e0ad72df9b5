//! Writing the implementation of `FromRow`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Field, Fields, Index, Member, Result, Type, WherePredicate, parse_quote};

use crate::attributes::{Container, DefaultValue, FieldAttributes, Source};
use crate::types::{Parameters, first_reference, inside_option};

const OWNED: &str = "a struct that is read from a row cannot borrow from it: use an owned type such as `String` or \
                     `Vec<u8>`, or read `&str` with `row.get` while the row is at hand";

/// The parts of the implementation, in the order of the fields.
#[derive(Default)]
struct Parts {
    /// The types of the plan's fields.
    plan_types: Vec<TokenStream>,
    /// The expressions that make them, of `__columns`.
    plan_values: Vec<TokenStream>,
    /// `field: expression`, of `__row` and `__plan`.
    fields: Vec<TokenStream>,
    bounds: Vec<WherePredicate>,
    /// How many columns were read by position.
    positions: usize,
}

pub(crate) fn from_row(input: &DeriveInput) -> Result<TokenStream> {
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(data) => {
            return Err(Error::new(
                data.enum_token.span,
                "a row is read into a struct; an enum is the value of one column: implement `FromValue` for it, or \
                 read it with `#[row(try_from = \"...\")]`",
            ));
        }
        Data::Union(data) => return Err(Error::new(data.union_token.span, "a row is read into a struct")),
    };
    if let Fields::Unit = fields {
        return Err(Error::new(input.ident.span(), "a struct without fields has nothing to read from a row"));
    }
    if let Some(lifetime) = input.generics.lifetimes().next() {
        return Err(Error::new(lifetime.span(), OWNED));
    }
    let container = Container::of(input)?;
    let krate = &container.krate;
    let by_name = matches!(fields, Fields::Named(_));
    if !by_name && container.case.is_some() {
        return Err(Error::new(
            input.ident.span(),
            "`rename_all` needs columns that are read by name; a tuple struct reads them by position",
        ));
    }

    let mut parts = Parts::default();
    let parameters = Parameters::of(&input.generics);
    let mut errors: Option<Error> = None;
    for (number, field) in fields.iter().enumerate() {
        // All fields are checked, so that all errors are seen at once.
        if let Err(error) = parts.add(&container, input, &parameters, number, field) {
            match &mut errors {
                Some(errors) => errors.combine(error),
                None => errors = Some(error),
            }
        }
    }
    if let Some(errors) = errors {
        return Err(errors);
    }

    let name = &input.ident;
    let mut generics = input.generics.clone();
    if !parts.bounds.is_empty() {
        generics.make_where_clause().predicates.extend(parts.bounds);
    }
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let check = (!by_name).then(|| {
        let (count, name) = (parts.positions, name.unraw().to_string());
        quote!(#krate::row::derive::positions(__columns, #count, #name)?;)
    });
    let Parts { plan_types, plan_values, fields, .. } = parts;
    // Not every type parameter is in the plan, and a struct must use all of its own.
    let generic = input.generics.type_params().next().map(|_| quote!(::core::marker::PhantomData));
    let generic_type = generic.as_ref().map(|marker| quote!(#marker<fn() -> #name #type_generics>));
    // The plan is a struct with private fields and not a tuple, because a public struct may flatten a private one, whose
    // plan must not be part of the public one's interface.
    Ok(quote! {
        const _: () = {
            #[doc(hidden)]
            #[allow(unreachable_pub, private_bounds, missing_debug_implementations)]
            pub struct __Plan #impl_generics (#(#plan_types,)* #generic_type) #where_clause;

            #[automatically_derived]
            impl #impl_generics #krate::FromRow for #name #type_generics #where_clause {
                type Plan = __Plan #type_generics;

                #[allow(unused_variables)]
                fn plan(__columns: &#krate::Columns) -> #krate::Result<Self::Plan> {
                    #check
                    ::core::result::Result::Ok(__Plan(#(#plan_values,)* #generic))
                }

                #[inline]
                #[allow(unused_variables)]
                fn from_row(__row: &#krate::Row, __plan: &Self::Plan) -> #krate::Result<Self> {
                    ::core::result::Result::Ok(Self { #(#fields,)* })
                }
            }
        };
    })
}

impl Parts {
    fn add(
        &mut self,
        container: &Container,
        input: &DeriveInput,
        parameters: &Parameters<'_>,
        number: usize,
        field: &Field,
    ) -> Result<()> {
        let attributes = FieldAttributes::of(field)?;
        let krate = &container.krate;
        let ty = &field.ty;
        // Errors about the type of a field are to point at it.
        let at = Span::call_site().located_at(ty.span());
        let member = match &field.ident {
            Some(ident) => Member::Named(ident.clone()),
            None => Member::Unnamed(Index::from(number)),
        };
        let field_name = field.ident.as_ref().map_or_else(|| number.to_string(), |ident| ident.unraw().to_string());
        let whole_name = format!("{}.{field_name}", input.ident.unraw());
        let is_generic = parameters.are_in(ty);

        if field.ident.is_none() {
            attributes.check_positional(field)?;
        }
        if let Source::Skip = attributes.source {
            let value = self.default_value(attributes.default.as_ref(), ty, at, is_generic);
            self.fields.push(quote!(#member: #value));
            return Ok(());
        }
        if let Some(reference) = first_reference(ty) {
            return Err(Error::new_spanned(reference, OWNED));
        }
        if let Source::Flatten { prefix } = &attributes.source {
            return self.add_nested(krate, member, ty, prefix.as_ref(), &whole_name, at, is_generic);
        }

        let column = match (&attributes.rename, container.case) {
            (Some(rename), _) => rename.value(),
            (None, Some(case)) => case.apply(&field_name),
            (None, None) => field_name,
        };
        let read = |position: TokenStream| match &attributes.source {
            Source::Json => quote_spanned!(at=> #krate::row::derive::read_json::<#ty>(__row, #position, #whole_name)?),
            Source::TryFrom(from) => match inside_option(ty).filter(|_| inside_option(from).is_none()) {
                Some(ty) => {
                    quote_spanned!(at=> #krate::row::derive::convert_optional::<#from, #ty>(__row, #position, #whole_name)?)
                }
                None => quote_spanned!(at=> #krate::row::derive::convert::<#from, #ty>(__row, #position, #whole_name)?),
            },
            _ => quote_spanned!(at=> #krate::row::derive::read::<#ty>(__row, #position, #whole_name)?),
        };
        self.bound(krate, &attributes.source, ty, parameters);

        if field.ident.is_none() {
            let value = read(self.positions.to_token_stream());
            self.positions += 1;
            self.fields.push(quote!(#member: #value));
            return Ok(());
        }
        let slot = Index::from(self.plan_types.len());
        if attributes.default.is_some() {
            let value = read(quote!(__position));
            let default = self.default_value(attributes.default.as_ref(), ty, at, is_generic);
            self.plan_types.push(quote!(::core::option::Option<::core::primitive::usize>));
            self.plan_values.push(quote!(#krate::row::derive::position_or_default(__columns, #column, #whole_name)?));
            self.fields.push(quote! {
                #member: match __plan.#slot {
                    ::core::option::Option::Some(__position) => #value,
                    ::core::option::Option::None => #default,
                }
            });
        } else {
            let value = read(quote!(__plan.#slot));
            self.plan_types.push(quote!(::core::primitive::usize));
            self.plan_values.push(quote!(#krate::row::derive::position(__columns, #column, #whole_name)?));
            self.fields.push(quote!(#member: #value));
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "they are the parts of one field")]
    fn add_nested(
        &mut self,
        krate: &syn::Path,
        member: Member,
        ty: &Type,
        prefix: Option<&syn::LitStr>,
        whole_name: &str,
        at: Span,
        is_generic: bool,
    ) -> Result<()> {
        let slot = Index::from(self.plan_types.len());
        let optional = inside_option(ty);
        if optional.is_some() && prefix.is_none() {
            return Err(Error::new_spanned(
                ty,
                "an `Option` is flattened with a prefix, `#[row(flatten, prefix = \"...\")]`: it is `None` when all \
                 columns of that prefix are NULL",
            ));
        }
        let inner = optional.unwrap_or(ty);
        if is_generic {
            self.bounds.push(parse_quote!(#inner: #krate::FromRow));
        }
        let prefix = prefix.map(syn::LitStr::value).unwrap_or_default();
        let plan = quote_spanned!(at=> <#inner as #krate::FromRow>::Plan);
        if optional.is_some() {
            self.plan_types.push(quote!(#krate::row::derive::OptionalPlan<#plan>));
            self.plan_values.push(
                quote_spanned!(at=> #krate::row::derive::nested_optional::<#inner>(__columns, #prefix, #whole_name)?),
            );
            self.fields.push(quote_spanned! {at=>
                #member: #krate::row::derive::read_nested_optional::<#inner>(__row, &__plan.#slot, #whole_name)?
            });
        } else {
            self.plan_types.push(plan);
            self.plan_values
                .push(quote_spanned!(at=> #krate::row::derive::nested::<#inner>(__columns, #prefix, #whole_name)?));
            self.fields.push(
                quote_spanned!(at=> #member: #krate::row::derive::read_nested::<#inner>(__row, &__plan.#slot, #whole_name)?),
            );
        }
        Ok(())
    }

    fn default_value(&mut self, default: Option<&DefaultValue>, ty: &Type, at: Span, is_generic: bool) -> TokenStream {
        match default {
            Some(DefaultValue::Call(path)) => quote!(#path()),
            _ => {
                if is_generic {
                    self.bounds.push(parse_quote!(#ty: ::core::default::Default));
                }
                quote_spanned!(at=> <#ty as ::core::default::Default>::default())
            }
        }
    }

    /// Bounds for what depends on type parameters of the struct.
    fn bound(&mut self, krate: &syn::Path, source: &Source, ty: &Type, parameters: &Parameters<'_>) {
        let is_generic = parameters.are_in(ty);
        match source {
            Source::Json if is_generic => {
                self.bounds.push(parse_quote!(#ty: #krate::row::derive::DeserializeOwned));
            }
            Source::TryFrom(from) if is_generic || parameters.are_in(from) => {
                let ty = inside_option(ty).filter(|_| inside_option(from).is_none()).unwrap_or(ty);
                self.bounds.push(parse_quote!(#from: #krate::row::derive::IntoField<#ty>));
                if parameters.are_in(from) {
                    self.bounds.push(parse_quote!(#from: #krate::value::FromValueOwned));
                }
            }
            Source::Column if is_generic => self.bounds.push(parse_quote!(#ty: #krate::value::FromValueOwned)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tuple_struct_has_no_names_to_write_in_another_case() {
        let input = parse_quote! {
            #[row(rename_all = "camelCase")]
            struct Pair(i64, i64);
        };
        let error = from_row(&input).map(|_| ()).expect_err("there is nothing to rename");
        assert!(error.to_string().starts_with("`rename_all` needs columns that are read by name"), "{error}");
    }
}
