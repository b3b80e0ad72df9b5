//! What can go wrong between a program and a database server, provoked on real ones: processes that are killed or halted,
//! networks that break off, swallow and spoil, servers that are full, slow, deaf or no servers at all.
//!
//! One source for every driver that has a server. A test is a function `fn name(on: &Subject)` in one of the modules
//! below and is named in the list at the module's head; it is found as `postgres::sessions::a_killed_session_...`. What
//! only one kind of server can do stands behind [`Subject::is_postgres`] and its like. Without a server a test is left
//! out, loudly.

#![cfg(any(feature = "postgres", feature = "mysql"))]

#[path = "../kit/mod.rs"]
mod kit;
#[macro_use]
mod subject;

#[macro_use]
mod commits;
#[macro_use]
mod connecting;
#[macro_use]
mod data;
#[macro_use]
mod examples;
#[macro_use]
mod mutations;
#[macro_use]
mod network;
#[macro_use]
mod outages;
mod promises;
#[macro_use]
mod sessions;
#[macro_use]
mod traffic;

/// The tests of all modules, once for each driver: `mod name = subject;`.
macro_rules! subjects {
    ($($(#[$cfg:meta])* mod $name:ident = $subject:expr;)+) => {$(
        $(#[$cfg])*
        mod $name {
            const SUBJECT: crate::subject::Subject = $subject;

            mod commits { commits! {} }
            mod connecting { connecting! {} }
            mod data { data! {} }
            mod examples { examples! {} }
            mod mutations { mutations! {} }
            mod network { network! {} }
            mod outages { outages! {} }
            mod sessions { sessions! {} }
            mod traffic { traffic! {} }
        }
    )+};
}

subjects! {
    #[cfg(feature = "postgres")]
    mod postgres = crate::subject::POSTGRES;
    #[cfg(feature = "mysql")]
    mod mariadb = crate::subject::MARIADB;
}
