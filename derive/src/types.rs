//! What can be told of a type by its text.

use std::collections::HashSet;

use syn::visit::{self, Visit};
use syn::{GenericArgument, Generics, Ident, Path, PathArguments, Type, TypeReference};

/// The `T` of an `Option<T>`, however its path is written.
pub(crate) fn inside_option(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) if arguments.args.len() == 1 => Some(inner),
        _ => None,
    }
}

/// The first reference in a type.
pub(crate) fn first_reference(ty: &Type) -> Option<&TypeReference> {
    struct Finder<'t>(Option<&'t TypeReference>);
    impl<'t> Visit<'t> for Finder<'t> {
        fn visit_type_reference(&mut self, reference: &'t TypeReference) {
            self.0.get_or_insert(reference);
        }
    }
    let mut finder = Finder(None);
    finder.visit_type(ty);
    finder.0
}

/// The type parameters of an item.
pub(crate) struct Parameters<'g>(HashSet<&'g Ident>);

impl<'g> Parameters<'g> {
    pub(crate) fn of(generics: &'g Generics) -> Parameters<'g> {
        Parameters(generics.type_params().map(|parameter| &parameter.ident).collect())
    }

    /// Whether a type has one of them in it. Only then does it need a bound: a bound on a type that is known would move
    /// the error from the field to the derive.
    pub(crate) fn are_in(&self, ty: &Type) -> bool {
        struct Finder<'p>(&'p Parameters<'p>, bool);
        impl<'t> Visit<'t> for Finder<'_> {
            fn visit_path(&mut self, path: &'t Path) {
                let first = path.segments.first().filter(|_| path.leading_colon.is_none());
                self.1 |= first.is_some_and(|first| self.0.0.contains(&first.ident));
                visit::visit_path(self, path);
            }
        }
        let mut finder = Finder(self, false);
        finder.visit_type(ty);
        finder.1
    }
}
