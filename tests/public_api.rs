//! Which threads a public type may be on. A line a type: who adds a type adds a line, who changes one on purpose changes
//! it. What is not kept does not compile.

use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// `$type: Send Sync Unpin` asserts each of the marker traits that are named, `!Send` the opposite.
macro_rules! types {
    ($($type:ty: [$($marks:tt)*];)+) => {
        #[test]
        fn every_public_type_is_on_the_threads_it_promises() {
            $(types!(@check $type, $($marks)*);)+
        }
    };
    (@check $type:ty,) => {};
    (@check $type:ty, !$mark:ident $($rest:tt)*) => {{
        // Ambiguous, hence an error, as soon as the type has the trait: both implementations would apply.
        trait AmbiguousIfImplemented<A> {
            fn check() {}
        }
        impl<T: ?Sized> AmbiguousIfImplemented<()> for T {}
        struct Implemented;
        impl<T: ?Sized + $mark> AmbiguousIfImplemented<Implemented> for T {}
        <$type as AmbiguousIfImplemented<_>>::check();
        types!(@check $type, $($rest)*);
    }};
    (@check $type:ty, $mark:ident $($rest:tt)*) => {{
        fn check<T: ?Sized + $mark>() {}
        check::<$type>();
        types!(@check $type, $($rest)*);
    }};
}

types! {
    // error
    pontoon::Error: [Send Sync Unpin Debug];
    pontoon::ErrorKind: [Send Sync Unpin Debug Copy UnwindSafe RefUnwindSafe];
    pontoon::Effect: [Send Sync Unpin Debug Copy UnwindSafe RefUnwindSafe];
    pontoon::error::Meaning: [Send Sync Unpin Debug Copy UnwindSafe RefUnwindSafe];
    // value
    pontoon::value::Value: [Send Sync Unpin Debug Clone UnwindSafe RefUnwindSafe];
    pontoon::value::ValueRef<'static>: [Send Sync Unpin Debug Copy UnwindSafe RefUnwindSafe];
    pontoon::value::Kind: [Send Sync Unpin Debug Copy UnwindSafe RefUnwindSafe];
    pontoon::value::Decimal: [Send Sync Unpin Debug Clone UnwindSafe RefUnwindSafe];
    pontoon::value::Date: [Send Sync Unpin Debug Copy UnwindSafe RefUnwindSafe];
    pontoon::value::Time: [Send Sync Unpin Debug Copy UnwindSafe RefUnwindSafe];
    pontoon::value::Timestamp: [Send Sync Unpin Debug Copy UnwindSafe RefUnwindSafe];
    pontoon::value::TimestampTz: [Send Sync Unpin Debug Copy UnwindSafe RefUnwindSafe];
    pontoon::value::Interval: [Send Sync Unpin Debug Copy UnwindSafe RefUnwindSafe];
    // rows
    pontoon::Batch: [Send Sync Unpin Debug];
    pontoon::BatchBuilder: [Send Sync Unpin Debug];
    pontoon::Columns: [Send Sync Unpin Debug];
    pontoon::Row: [Send Sync Unpin Debug Clone];
    pontoon::Rows: [Send Sync Unpin Debug Clone];
    pontoon::RowMap<'static>: [Send Sync Unpin Debug];
    // SQL
    pontoon::Query<'static>: [Send Sync Unpin Debug Clone];
    pontoon::QueryOptions: [Send Sync Unpin Debug Copy];
    pontoon::Params: [Send Sync Unpin Debug Clone];
    pontoon::TxOptions: [Send Sync Unpin Debug Copy];
    pontoon::Retry: [Send Sync Unpin Debug Copy];
    pontoon::IsolationLevel: [Send Sync Unpin Debug Copy];
    pontoon::sql::Statement: [Send Sync Unpin Debug Clone];
    pontoon::sql::Dialect: [Send Sync Unpin Debug Copy];
    // configuration
    pontoon::DatabaseUrl: [Send Sync Unpin Debug Clone];
    pontoon::Config: [Send Sync Unpin Debug Clone];
    pontoon::ConfigBuilder: [Send Unpin Debug];
    pontoon::Secret: [Send Sync Unpin Debug Clone];
    pontoon::Redactor: [Send Sync Unpin Debug Clone];
    // handles
    pontoon::Database: [Send Sync Unpin Debug Clone];
    pontoon::DatabaseBuilder: [Send Debug];
    pontoon::Connection: [Send Sync Unpin Debug Clone];
    pontoon::Transaction<'static>: [!Send !Sync Unpin Debug];
    pontoon::CommitError<pontoon::Transaction<'static>>: [!Send !Sync Unpin Debug];
    pontoon::Session<'static>: [Send !Sync Unpin Debug];
    pontoon::RowStream<'static>: [Send Unpin Debug];
    pontoon::BatchStream<'static>: [Send Unpin Debug];
    pontoon::ForceRollback: [Send Sync Unpin Debug];
    pontoon::CloseReport: [Send Sync Unpin Debug];
    pontoon::Snapshot: [Send Sync Unpin Debug Clone];
    pontoon::Notifications: [Send Unpin Debug];
    pontoon::Event: [Send Sync Unpin Debug];
    pontoon::testing::TestDatabase: [Send Sync Unpin Debug];
    // the awaited face
    pontoon::future::AsyncDatabase: [Send Sync Unpin Debug Clone];
    pontoon::future::AsyncConnection: [Send Sync Unpin Debug Clone];
    pontoon::future::AsyncTransaction<'static>: [Send Sync Unpin Debug];
    pontoon::future::Tx: [Send Sync Unpin Debug];
    pontoon::CommitError<pontoon::future::AsyncTransaction<'static>>: [Send Sync Unpin Debug];
    pontoon::future::AsyncRowStream<'static>: [Send Unpin Debug];
    pontoon::future::AsyncBatchStream<'static>: [Send Unpin Debug];
    pontoon::future::AsyncNotifications: [Send Unpin Debug];
    pontoon::future::AsyncTestDatabase: [Send Sync Unpin Debug];
    pontoon::future::Answer<'static, pontoon::Rows>: [Send !Sync Unpin Debug];
    pontoon::future::Caller: [Send Sync Unpin Debug Clone];
    pontoon::future::Scope<std::future::Ready<()>>: [Send Unpin Debug];
    // the driver seam
    dyn pontoon::driver::Driver: [Send Sync];
    dyn pontoon::driver::Source: [Send Sync];
    dyn pontoon::driver::Link: [Send !Sync];
    dyn pontoon::driver::Handle: [Send Sync];
    pontoon::driver::Call<'static>: [Send Sync Unpin Debug Copy];
    // The table itself: a type that is not `Send` is told from one that is.
    std::rc::Rc<()>: [!Send !Sync Unpin];
    std::cell::Cell<()>: [Send !Sync Unpin];
    std::marker::PhantomPinned: [Send Sync !Unpin];
}
