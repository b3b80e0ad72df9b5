//! On PostgreSQL and MariaDB, by their own drivers and by those of ODBC: what is dropped leaves nothing behind there,
//! which a session that the library knows nothing of is asked for.

macro_rules! subjects {
    ($($(#[$cfg:meta])* mod $name:ident = $subject:ident: $($module:ident)+;)+) => {$(
        $(#[$cfg])*
        mod $name {
            const SUBJECT: crate::servers::subject::Subject = crate::servers::subject::$subject;

            $(mod $module { $module! {} })+
        }
    )+};
}

/// Names the tests of a module: `tests! { module: one two }` makes the macro `module!`, which makes a `#[test]` of each
/// for the subject around it.
macro_rules! tests {
    ($module:ident: $($name:ident)+) => {
        macro_rules! $module {
            () => {$(
                #[test]
                fn $name() {
                    crate::support::awaited_at_length(crate::servers::$module::$name(&super::SUBJECT));
                }
            )+};
        }
    };
}

#[macro_use]
mod drops;
#[cfg(feature = "postgres")]
#[macro_use]
mod listen;
#[macro_use]
mod races;
mod subject;

subjects! {
    #[cfg(feature = "postgres")]
    mod postgres = POSTGRES: drops listen races;
    #[cfg(feature = "mysql")]
    mod mariadb = MARIADB: drops races;
    #[cfg(feature = "odbc")]
    mod odbc_postgres = ODBC_POSTGRES: drops races;
    #[cfg(feature = "odbc")]
    mod odbc_mariadb = ODBC_MARIADB: drops races;
}
