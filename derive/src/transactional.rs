//! `#[transactional(..)]`: the body of a function becomes a closure that is run in a transaction, or, of an
//! `async fn`, a future that is awaited in one.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Error, Expr, Ident, ItemFn, Lit, LitStr, Path, Result, ReturnType, Token, Type, TypeImplTrait};

/// The isolation levels, as they are written in SQL and in the library.
const LEVELS: [(&str, &str); 5] = [
    ("read uncommitted", "ReadUncommitted"),
    ("read committed", "ReadCommitted"),
    ("repeatable read", "RepeatableRead"),
    ("snapshot", "Snapshot"),
    ("serializable", "Serializable"),
];

const WHICH: &str = "say which database: `#[transactional(db)]`, with an expression for a `Database` or `Connection`, \
                     such as an argument or `self.db`";

/// What is in the parentheses.
pub(crate) struct Arguments {
    database: Expr,
    isolation: Option<TokenStream>,
    read_only: Option<Span>,
    rollback_only: Option<Span>,
    retry: Option<Expr>,
    krate: Option<Path>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Arguments> {
        if input.is_empty() {
            return Err(Error::new(Span::call_site(), WHICH));
        }
        if input.peek2(Token![=]) && !input.peek2(Token![==]) {
            return Err(input.error(WHICH));
        }
        let mut arguments = Arguments {
            database: input.parse()?,
            isolation: None,
            read_only: None,
            rollback_only: None,
            retry: None,
            krate: None,
        };
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            arguments.parse_option(input)?;
        }
        if let (Some(at), Some(_)) = (arguments.rollback_only, &arguments.retry) {
            return Err(Error::new(at, "what is rolled back in any case is not retried: `rollback_only` or `retry`"));
        }
        Ok(arguments)
    }
}

impl Arguments {
    fn parse_option(&mut self, input: ParseStream<'_>) -> Result<()> {
        let name = match input.parse::<Option<Token![crate]>>()? {
            Some(krate) => Ident::new("krate", krate.span),
            None => input.parse()?,
        };
        let twice = || Error::new(name.span(), format!("`{name}` is given twice"));
        match name.to_string().as_str() {
            "isolation" => {
                input.parse::<Token![=]>()?;
                let level = level(&input.parse()?)?;
                if self.isolation.replace(level).is_some() {
                    return Err(twice());
                }
            }
            "read_only" => {
                if self.read_only.replace(name.span()).is_some() {
                    return Err(twice());
                }
            }
            "rollback_only" => {
                if self.rollback_only.replace(name.span()).is_some() {
                    return Err(twice());
                }
            }
            "retry" => {
                input.parse::<Token![=]>()?;
                if self.retry.replace(input.parse()?).is_some() {
                    return Err(twice());
                }
            }
            "krate" => {
                input.parse::<Token![=]>()?;
                let path = input.parse::<LitStr>()?.parse_with(Path::parse_mod_style)?;
                if self.krate.replace(path).is_some() {
                    return Err(twice());
                }
            }
            _ => {
                return Err(Error::new(
                    name.span(),
                    "unknown option of a transaction; there are `isolation = \"...\"`, `read_only`, `rollback_only`, \
                     `retry = attempts` and `crate = \"...\"`",
                ));
            }
        }
        Ok(())
    }

    /// The expression that makes the options.
    fn options(&self, krate: &Path) -> TokenStream {
        let mut options = quote!(#krate::TxOptions::new());
        if let Some(level) = &self.isolation {
            options = quote!(#options.isolation(#level));
        }
        if let Some(at) = self.read_only {
            options = quote_spanned!(at=> #options.read_only());
        }
        if let Some(at) = self.rollback_only {
            options = quote_spanned!(at=> #options.rollback_only());
        }
        if let Some(attempts) = &self.retry {
            options = quote!(#options.retry(#krate::Retry::attempts(#attempts)));
        }
        options
    }
}

/// A level by its name in SQL, checked here, or any expression for one.
fn level(given: &Expr) -> Result<TokenStream> {
    let Expr::Lit(literal) = given else { return Ok(quote!(#given)) };
    let Lit::Str(name) = &literal.lit else {
        return Err(Error::new_spanned(literal, "the isolation level is a string, or an `IsolationLevel`"));
    };
    let wanted = name.value().to_lowercase().replace('_', " ");
    match LEVELS.iter().find(|(known, _)| *known == wanted) {
        Some((_, variant)) => {
            let variant = Ident::new(variant, name.span());
            Ok(quote!(__IsolationLevel::#variant))
        }
        None => {
            let known = LEVELS.map(|(known, _)| format!("\"{known}\"")).join(", ");
            Err(Error::new(name.span(), format!("unknown isolation level; there are {known}")))
        }
    }
}

/// Finds `impl Trait`, which a closure's return type cannot have.
#[derive(Default)]
struct FindsImpl(bool);

impl Visit<'_> for FindsImpl {
    fn visit_type_impl_trait(&mut self, _: &TypeImplTrait) {
        self.0 = true;
    }
}

fn has_impl(ty: &Type) -> bool {
    let mut finds = FindsImpl::default();
    finds.visit_type(ty);
    finds.0
}

pub(crate) fn expand(arguments: &Arguments, function: ItemFn) -> Result<TokenStream> {
    let ItemFn { attrs, vis, sig, block } = function;
    if let Some(at) = sig.constness {
        return Err(Error::new(at.span, "a `const fn` cannot run a transaction"));
    }
    let ReturnType::Type(_, returned) = &sig.output else {
        return Err(Error::new(
            sig.ident.span(),
            "a transactional function returns a `Result`, whose error can be made from `pontoon::Error`: \
             `Ok` commits, `Err` rolls back",
        ));
    };
    let krate = arguments.krate.clone().unwrap_or_else(|| syn::parse_quote!(::pontoon));
    let (database, options) = (&arguments.database, arguments.options(&krate));
    // An error about the type of the result is to point at it.
    let at = Span::call_site().located_at(returned.span());
    let (is_async, again) = (sig.asyncness.is_some(), arguments.retry.is_some());
    let body = match (is_async, again) {
        (true, false) => quote!(async #block),
        (true, true) => quote!(|| async #block),
        (false, _) if has_impl(returned) => quote!(|| #block),
        (false, _) => quote!(|| -> #returned #block),
    };
    let name = |name: &str, at: Span| {
        let name = Ident::new(name, at);
        quote_spanned!(at=> #krate::__transactional::#name)
    };
    let run = match (is_async, again) {
        (true, true) => name("run_async_again", at),
        (true, false) => name("run_async", at),
        (false, true) => name("run_again", at),
        (false, false) => name("run", at),
    };
    // An error about what is no database is to point at it.
    let handle = name(if is_async { "async_handle" } else { "handle" }, database.span());
    let awaited = is_async.then(|| quote!(.await));
    let level = arguments.isolation.as_ref().map(|_| {
        quote! {
            #[allow(unused_imports)]
            use #krate::IsolationLevel as __IsolationLevel;
        }
    });
    Ok(quote! {
        #(#attrs)*
        #vis #sig {
            let __options = { #level #options };
            let __database = #handle(&#database);
            #run(&__database, &__options, #body) #awaited
        }
    })
}
