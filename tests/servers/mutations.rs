//! A server that is almost one: it replays what a real one said, spoilt in ways of all kinds, thousands of times.
//!
//! `PONTOON_MUTATIONS` says how often, and `PONTOON_SEED` with which of all the ways: ten seeds of 10,000 take some minutes.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pontoon::config::Config;
use pontoon::driver::{Call, Driver, Flow, Link, RowSink};
use pontoon::row::{Batch, Columns};
use pontoon::sql::Statement;
use pontoon::{Error, ErrorKind, Params};

use crate::kit::servers::Private;
use crate::kit::{LeakMeter, PATIENCE, here, tell};
use crate::subject::{LIMIT, Subject, start};

tests! { mutations:
    whatever_a_server_says_is_an_answer_or_an_error
}

/// How often without being told.
const OFTEN: usize = 2_000;

/// How long the server waits for a client that may wait for the rest of something: then it hangs up.
const SILENCE: Duration = Duration::from_millis(4);

/// Rows of all kinds.
const QUERY: &str = "SELECT 'text', 12345, NULL, 1.5, DATE '2024-02-29' UNION ALL SELECT '', -1, NULL, 0.25, NULL";

/// What a server said, each time after the client had said something. A server that greets says its first unasked.
#[derive(Clone, Debug, Default)]
struct Script {
    greets: bool,
    is_spoilt: bool,
    replies: Vec<Vec<u8>>,
}

/// The next of a sequence of numbers that is the same every time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next()).expect("31 bits") % limit.max(1)
    }
}

impl Script {
    /// A real conversation: a login, and a query.
    fn record(on: &Subject, server: &Private) -> Script {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let recorded = Arc::new(Mutex::new((Script::default(), true)));
        let to = server.port();
        let log = Arc::clone(&recorded);
        let forward = start("forward", move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut real = TcpStream::connect(("127.0.0.1", to)).unwrap();
            let (mut up, mut down) = (client.try_clone().unwrap(), real.try_clone().unwrap());
            let heard = Arc::clone(&log);
            let up = start("up", move || {
                let mut buffer = [0; 65_536];
                while let Ok(length @ 1..) = up.read(&mut buffer) {
                    heard.lock().1 = true;
                    real.write_all(&buffer[..length]).unwrap();
                }
                let _ = real.shutdown(Shutdown::Write);
            });
            let mut buffer = [0; 65_536];
            while let Ok(length @ 1..) = down.read(&mut buffer) {
                let mut log = log.lock();
                if std::mem::take(&mut log.1) {
                    log.0.replies.push(Vec::new());
                }
                log.0.replies.last_mut().expect("one was begun").extend_from_slice(&buffer[..length]);
                client.write_all(&buffer[..length]).unwrap();
            }
            crate::subject::join(up);
        });
        let mut rows = Collected::default();
        let mut link = Client::new(on, port).connect().unwrap();
        query(&mut *link, &mut rows).unwrap();
        link.close().unwrap();
        crate::subject::join(forward);
        assert_eq!(rows.0, 2);
        let greets = on.is_mariadb();
        let script = recorded.lock().0.clone();
        assert!(script.replies.len() >= 3, "{script:?}");
        Script { greets, ..script }
    }

    /// The same with something wrong in it; says what.
    fn spoilt(&self, dice: &mut Dice) -> (Script, String) {
        let mut script = Script { is_spoilt: true, ..self.clone() };
        let turn = dice.below(script.replies.len());
        let other = dice.below(script.replies.len());
        let reply = &mut script.replies[turn];
        let at = dice.below(reply.len());
        let long = 1 + dice.below(40);
        let end = (at + long).min(reply.len());
        let what = dice.below(9);
        match what {
            0 => reply[at] ^= 1 << dice.below(8),
            1 => reply[at] = dice.next() as u8,
            2 => reply.truncate(at),
            3 => drop(reply.splice(at..at, (0..long).map(|_| dice.next() as u8))),
            4 => drop(reply.drain(at..end)),
            5 => {
                let again = reply[at..end].to_vec();
                drop(reply.splice(at..at, again));
            }
            6 => script.replies.swap(turn, other),
            7 => {
                let lengths = [0, 1, 3, 4, 0x00ff_ffff, 0x3fff_ffff, 0x7fff_ffff, u32::MAX];
                let length = lengths[dice.below(lengths.len())];
                let length = if dice.below(2) == 0 { length.to_be_bytes() } else { length.to_le_bytes() };
                for (byte, with) in reply[at..].iter_mut().zip(length) {
                    *byte = with;
                }
            }
            _ => {
                for _ in 0..long {
                    let at = dice.below(reply.len());
                    reply[at] = dice.next() as u8;
                }
            }
        }
        (script, format!("{what} in reply {turn} at {at}, {long} long"))
    }
}

/// A server that plays one script for each client that comes, as they are sent to it.
fn player() -> (u16, Sender<Script>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (send, scripts): (Sender<Script>, Receiver<Script>) = channel();
    start("player", move || {
        for script in scripts {
            let (mut client, _) = listener.accept().unwrap();
            client.set_nodelay(true).unwrap();
            client.set_read_timeout(Some(if script.is_spoilt { SILENCE } else { PATIENCE })).unwrap();
            let mut hears = !script.greets;
            for reply in &script.replies {
                if std::mem::replace(&mut hears, true) && !matches!(client.read(&mut [0; 65_536]), Ok(1..)) {
                    break;
                }
                if client.write_all(reply).is_err() {
                    break;
                }
            }
            // Until it says good-bye, or nothing.
            let _ = client.read(&mut [0; 65_536]);
        }
    });
    (port, send)
}

/// The driver alone, without the threads of a pool.
struct Client {
    driver: &'static dyn Driver,
    config: Config,
}

impl Client {
    fn new(on: &Subject, port: u16) -> Client {
        let driver = on.driver();
        let url = format!(
            "{}://plain@127.0.0.1:{port}/{}?sslmode=disable",
            on.engine.scheme(),
            on.either("postgres", "kept")
        );
        Client { driver, config: Config::from_url(url, driver.schemes()).unwrap() }
    }

    fn connect(&self) -> Result<Box<dyn Link>, Error> {
        self.driver.open(&self.config)?.connect(&Call::until(Some(Instant::now() + PATIENCE)))
    }
}

/// Counts rows, and reads every cell of them.
#[derive(Default)]
struct Collected(usize);

impl RowSink for Collected {
    fn columns(&mut self, _columns: &Arc<Columns>) -> Result<(), Error> {
        Ok(())
    }

    fn batch_rows(&self) -> usize {
        16
    }

    fn batch(&mut self, batch: Batch, _again: Option<&mut dyn Link>) -> Result<Flow, Error> {
        for row in 0..batch.len() {
            for column in 0..batch.columns().len() {
                assert!(batch.value(row, column).is_some_and(|value| !format!("{value:?}").is_empty()));
            }
        }
        self.0 += batch.len();
        Ok(Flow::Continue)
    }
}

fn query(link: &mut dyn Link, rows: &mut Collected) -> Result<(), Error> {
    let statement = Statement::parse(QUERY, link.dialect()).unwrap();
    let bound = statement.bind(Params::Positional(Vec::new())).unwrap();
    link.query(&Call::until(Some(Instant::now() + PATIENCE)), &bound, rows)
}

/// No panic, no hang, no memory for lengths that are made up: whatever it says, its client has rows or an error.
///
/// The `mysql` crate does panic, on packets without a byte in them. That is made an error by the worker that it happens on,
/// and costs the connection; here, without one, it is counted.
pub(crate) fn whatever_a_server_says_is_an_answer_or_an_error(on: &Subject) {
    let case = on.case(here!(), |_| {
        let Some(server) = on.private() else { return };
        if on.is_postgres() {
            let rules = "local all all trust\nhost all all 127.0.0.1/32 trust\n";
            std::fs::write(server.folder().join("pg_hba.conf"), rules).unwrap();
            let loaded = server.console().value("SELECT pg_conf_load_time()");
            server.console().run("CREATE ROLE plain LOGIN");
            server.reload();
            crate::subject::await_that("the rules are known", || {
                server.console().value("SELECT pg_conf_load_time()") != loaded
            });
        } else {
            for sql in
                ["CREATE DATABASE kept", "CREATE USER plain@'127.0.0.1'", "GRANT ALL ON kept.* TO plain@'127.0.0.1'"]
            {
                server.console().run(sql);
            }
        }
        let script = Script::record(on, &server);
        drop(server);
        let (port, play) = player();
        let client = Client::new(on, port);
        let once = || {
            let mut rows = Collected::default();
            let mut link = client.connect()?;
            let result = query(&mut *link, &mut rows);
            // As a session asks after an error, and before it gives a connection back.
            let state = link.state();
            result.map(|()| (rows.0, state))
        };
        for _ in 0..20 {
            play.send(script.clone()).unwrap();
            assert_eq!(once().unwrap(), (2, pontoon::driver::LinkState::Idle), "as it was said it is understood");
        }
        std::panic::set_hook(Box::new(|_| {}));
        let meter = LeakMeter::start();
        let told = |name| std::env::var(name).ok().and_then(|number| number.parse::<usize>().ok());
        let times = told("PONTOON_MUTATIONS").unwrap_or(OFTEN);
        let mut dice = Dice(told("PONTOON_SEED").unwrap_or(2024) as u64);
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        for _ in 0..times {
            let (spoilt, what) = script.spoilt(&mut dice);
            play.send(spoilt).unwrap();
            let begun = Instant::now();
            let end = match catch_unwind(AssertUnwindSafe(once)) {
                Ok(Ok(_)) => "an answer".to_owned(),
                Ok(Err(error)) => {
                    assert!(error.kind() != ErrorKind::Internal, "{what}: {error:?}");
                    format!("{:?}", error.kind())
                }
                Err(_) => {
                    assert!(on.is_mariadb(), "{what}: a panic");
                    "a panic".to_owned()
                }
            };
            assert!(begun.elapsed() < PATIENCE / 2, "{what}: {end} took {:?}", begun.elapsed());
            *ends.entry(end).or_default() += 1;
        }
        tell("ends", format!("{ends:?}"));
        meter.assert_memory_within(128 << 20);
        let count = |end: &str| ends.get(end).copied().unwrap_or(0);
        assert!(
            count("an answer") < times / 2 && count("ConnectionLost") > 0 && count("ConnectFailed") > 0,
            "{ends:?}"
        );
        assert!(count("a panic") <= times / 20, "{ends:?}");
    });
    let output = case.limit(LIMIT).pass();
    assert!(output.value("ends").contains("ConnectionLost"), "{output}");
}
