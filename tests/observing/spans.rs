//! The feature `tracing`: spans of statements and transactions, and events.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pontoon::Query;
use pontoon::prelude::*;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};

use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::Current;

use crate::kit::script::{Ears, Method, Rule, Script};
use crate::kit::{Canary, case, tell};

/// Keeps everything that it is told. One for the whole process, since workers have threads of their own.
#[derive(Clone, Default)]
struct Ear(Arc<Heard>);

#[derive(Default)]
struct Heard {
    ids: AtomicU64,
    told: Mutex<Vec<Told>>,
}

#[derive(Clone, Debug, Default)]
struct Told {
    target: String,
    level: String,
    id: Option<u64>,
    parent: Option<u64>,
    fields: BTreeMap<String, String>,
    metadata: Option<&'static Metadata<'static>>,
}

impl Told {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

thread_local! {
    static ENTERED: std::cell::RefCell<Vec<u64>> = const { std::cell::RefCell::new(Vec::new()) };
}

struct Fields<'f>(&'f mut BTreeMap<String, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl Ear {
    fn listen() -> Ear {
        let ear = Ear::default();
        tracing::subscriber::set_global_default(ear.clone()).expect("the process of a case has one subscriber");
        ear
    }

    fn told(&self) -> Vec<Told> {
        self.0.told.lock().unwrap().clone()
    }

    fn of(&self, target: &str) -> Vec<Told> {
        self.told().into_iter().filter(|told| told.target == target).collect()
    }
}

impl Subscriber for Ear {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let id = self.0.ids.fetch_add(1, Ordering::Relaxed) + 1;
        let metadata = attributes.metadata();
        let mut told = Told {
            target: metadata.target().into(),
            level: metadata.level().to_string(),
            id: Some(id),
            metadata: Some(metadata),
            parent: ENTERED.with_borrow(|entered| entered.last().copied()),
            ..Told::default()
        };
        attributes.record(&mut Fields(&mut told.fields));
        self.0.told.lock().unwrap().push(told);
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        let mut told = self.0.told.lock().unwrap();
        let span = told.iter_mut().find(|told| told.id == Some(id.into_u64())).expect("a span that was begun");
        values.record(&mut Fields(&mut span.fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut told =
            Told { target: metadata.target().into(), level: metadata.level().to_string(), ..Told::default() };
        event.record(&mut Fields(&mut told.fields));
        self.0.told.lock().unwrap().push(told);
    }

    fn enter(&self, id: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(id.into_u64()));
    }

    fn exit(&self, id: &Id) {
        ENTERED.with_borrow_mut(|entered| {
            // A span may be entered inside itself.
            if let Some(at) = entered.iter().rposition(|entered| *entered == id.into_u64()) {
                entered.remove(at);
            }
        });
    }

    fn current_span(&self) -> Current {
        // Spans are told apart by their numbers here; what they are called is known of those that were told.
        match ENTERED.with_borrow(|entered| entered.last().copied()) {
            Some(id) => {
                let told = self.0.told.lock().unwrap();
                let span = told.iter().find(|told| told.id == Some(id)).and_then(|told| told.metadata);
                span.map_or(Current::none(), |metadata| Current::new(Id::from_u64(id), metadata))
            }
            None => Current::none(),
        }
    }
}

#[test]
fn a_statement_has_a_span_by_its_fingerprint_inside_that_of_its_transaction() {
    case!(|_| {
        let ear = Ear::listen();
        // One that lends its connections and one that does not: the span finds its parent on the worker's thread too.
        for script in [Script::new().table("t"), Script::new().table("t").lendable()] {
            let db = script.builder().open().unwrap();
            let outer = tracing::info_span!(target: "test", "request");
            outer.in_scope(|| {
                db.transaction(|tx| {
                    tx.execute("INSERT INTO t VALUES (4711)", ())?;
                    db.fetch_all("SELECT  v  FROM t", ())
                })
                .unwrap();
                let tx = db.begin().unwrap();
                tx.execute("INSERT INTO nowhere VALUES (:v)", params! { v: 4711 }).unwrap_err();
                drop(tx);
                db.session(|session| session.execute("INSERT INTO t VALUES (1)", ())).unwrap();
            });
            let told = std::mem::take(&mut *ear.0.told.lock().unwrap());
            let request = told.iter().find(|told| told.target == "test").and_then(|told| told.id);
            let transactions: Vec<_> = told.iter().filter(|told| told.target == "pontoon::transaction").collect();
            let statements: Vec<_> = told.iter().filter(|told| told.target == "pontoon::statement").collect();
            let outcomes: Vec<_> = transactions.iter().map(|told| told.field("outcome")).collect();
            assert_eq!(outcomes, ["committed", "rolled back"]);
            assert!(transactions.iter().all(|told| told.parent == request));
            let seen: Vec<_> = statements.iter().map(|told| (told.parent, told.field("db.statement"))).collect();
            let wanted = [
                (transactions[0].id, "INSERT INTO t VALUES (?)"),
                (transactions[0].id, "SELECT v FROM t"),
                (transactions[1].id, "INSERT INTO nowhere VALUES (:v)"),
                (request, "INSERT INTO t VALUES (?)"),
            ];
            assert_eq!(seen, wanted);
            assert_eq!((statements[0].field("db.rows_affected"), statements[1].field("db.rows")), ("1", "1"));
            assert!(!statements[2].field("error").is_empty());
            let all = format!("{told:?}");
            assert!(!all.contains("4711"), "a value is told: {all}");
        }
        tell("ran", "");
    })
    .run()
    .value("ran");
}

#[test]
fn slow_statements_and_slow_acquires_are_told() {
    case!(|_| {
        let ear = Ear::listen();
        let script = Script::new().table("t");
        let db = script
            .builder()
            .pool_size(1)
            .slow_statement(Some(Duration::from_millis(20)))
            .slow_acquire(Some(Duration::from_millis(20)))
            .open()
            .unwrap();
        script.add(Rule::on(Method::Query).text("SELECT").once().take(Duration::from_millis(30), Ears::SERVER));
        db.fetch_all("SELECT v FROM t", ()).unwrap();
        let slow = ear.of("pontoon::slow");
        assert_eq!(slow.len(), 1, "{slow:?}");
        assert_eq!((slow[0].level.as_str(), slow[0].field("db.statement")), ("WARN", "SELECT v FROM t"));
        db.refresh();
        script.add(Rule::on(Method::Connect).once().take(Duration::from_millis(30), Ears::SERVER));
        db.ping().unwrap();
        let events: Vec<_> = ear.of("pontoon::pool").iter().map(|told| told.field("event").to_owned()).collect();
        // On a busy machine any wait may be a slow one; the last of them is.
        assert_eq!(events.last().map(String::as_str), Some("slow acquire"));
        let others: Vec<_> = events.iter().filter(|event| *event != "slow acquire").collect();
        assert_eq!(others, ["opened", "closed", "opened"]);
        tell("ran", "");
    })
    .run()
    .value("ran");
}

#[test]
fn values_are_in_a_span_only_when_asked_for_and_no_secret_is_in_anything() {
    case!(|_| {
        let ear = Ear::listen();
        let script = Script::new().table("t");
        for values in [false, true] {
            let db = script
                .builder()
                .option("password", Canary::SECRET)
                .log_values(values)
                .slow_statement(Some(Duration::from_millis(1)))
                .build()
                .unwrap();
            let said = format!("the server says: password {} is wrong", Canary::SECRET);
            script.add(
                Rule::on(Method::Connect).once().fail_with(move || Error::new(ErrorKind::Authentication, said.clone())),
            );
            db.connect().unwrap_err();
            db.connect().unwrap();
            script.add(Rule::on(Method::Execute).once().take(Duration::from_millis(2), Ears::SERVER));
            let _ = db.execute("INSERT INTO t VALUES (:v)", params! { v: Canary::SECRET });
            let _ = db.execute(Query::new(format!("INSERT INTO t VALUES ('{}')", Canary::SECRET)), ());
            let _ = db.execute_script(&format!("INSERT INTO t VALUES ('{}') -- {0}", Canary::SECRET));
            let _ = db.execute("INSERT INTO t VALUES (:v)", params! { v: 4711 });
            db.close(Duration::from_secs(5));
            let told = std::mem::take(&mut *ear.0.told.lock().unwrap());
            let all = format!("{told:?}");
            assert_eq!(all.contains("4711"), values);
            assert!(told.iter().any(|told| told.target == "pontoon::slow"));
            Canary::assert_absent("spans and events", &all);
        }
        tell("ran", "");
    })
    .run()
    .value("ran");
}

#[test]
fn what_was_accepted_and_means_nothing_is_told_at_connecting() {
    case!(|_| {
        let ear = Ear::listen();
        let script = Script::new();
        let db =
            Database::builder().url("script://host/database?poll_interval=0.1").driver(script.driver()).open().unwrap();
        assert_eq!(db.config().notices().len(), 1);
        let notices = ear.of("pontoon::notice");
        assert!(notices.len() == 1 && notices[0].field("message").contains("poll_interval"), "{notices:?}");
        tell("ran", "");
    })
    .run()
    .value("ran");
}
