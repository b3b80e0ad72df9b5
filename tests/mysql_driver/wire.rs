//! What can happen to the bytes between here and the server.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{Effect, Error};

use crate::kit::servers::Scratch;
use crate::{fails, scratch};

/// Where a proxy cuts every connection that goes through it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// After so many bytes of the server.
    After(usize),
    /// When the client has sent this: before the server gets it, and after it has answered.
    BeforeHearing(&'static [u8]),
    AfterAnswering(&'static [u8]),
    /// Never; what the server sends comes in single bytes.
    Slices,
}

/// Listens until its port is dropped with the process; returns the port and how many bytes the server has sent.
fn proxy(to: u16, cut: Cut) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { return };
            client.set_nodelay(true).unwrap();
            let swallows = Arc::new(AtomicUsize::new(0));
            let (up, down) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let hush = Arc::clone(&swallows);
            std::thread::spawn(move || forward_up(up, server, cut, &hush));
            let counted = Arc::clone(&counted);
            std::thread::spawn(move || forward_down(down, client, cut, &swallows, &counted));
        }
    });
    (port, sent)
}

fn forward_up(mut client: TcpStream, mut server: TcpStream, cut: Cut, swallows: &AtomicUsize) {
    let mut buffer = [0; 16_384];
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        let has = |text: &[u8]| buffer[..length].windows(text.len()).any(|part| part == text);
        match cut {
            Cut::BeforeHearing(text) if has(text) => break,
            Cut::AfterAnswering(text) if has(text) => swallows.store(1, Ordering::Release),
            _ => {}
        }
        if server.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = (server.shutdown(Shutdown::Both), client.shutdown(Shutdown::Both));
}

fn forward_down(mut server: TcpStream, mut client: TcpStream, cut: Cut, swallows: &AtomicUsize, sent: &AtomicUsize) {
    let mut buffer = [0; 16_384];
    let mut left = match cut {
        Cut::After(bytes) => bytes,
        _ => usize::MAX,
    };
    while let Ok(length @ 1..) = server.read(&mut buffer) {
        if swallows.load(Ordering::Acquire) > 0 {
            break;
        }
        sent.fetch_add(length, Ordering::Relaxed);
        let length = length.min(left);
        left -= length;
        let is_sent = match cut {
            Cut::Slices => buffer[..length].chunks(1).all(|byte| client.write_all(byte).is_ok()),
            _ => client.write_all(&buffer[..length]).is_ok(),
        };
        if !is_sent || left == 0 {
            break;
        }
    }
    let _ = (server.shutdown(Shutdown::Both), client.shutdown(Shutdown::Both));
}

fn through(scratch: &Scratch<'_>, cut: Cut) -> (Result<Database, Error>, Arc<AtomicUsize>) {
    // What is cut is tried again in vain; what is not has the time of a busy machine.
    let wait = match cut {
        Cut::After(bytes) if bytes < usize::MAX => Duration::from_millis(60),
        _ => Duration::from_secs(30),
    };
    let (port, sent) = proxy(scratch.server().port(), cut);
    let url = format!("{}?pool_size=1", scratch.url_at(port));
    (Database::builder().url(url).acquire_timeout(wait).open(), sent)
}

/// An exchange of each kind of message.
fn exchange(db: &Database) -> Result<(), Error> {
    assert_eq!(db.fetch_val("SELECT ?", (1,))?, Some(1));
    db.execute_script("CREATE TEMPORARY TABLE t (id INT); INSERT INTO t VALUES (1)")?;
    assert_eq!(db.fetch_all("SELECT seq, repeat('x', 50) FROM seq_1_to_20", ())?.len(), 20);
    db.transaction(|tx| tx.fetch_val::<i64>("SELECT 2", ()).map(drop))?;
    fails(
        ErrorKind::Syntax,
        match db.execute("SELEC", ()) {
            Err(error) if error.kind() == ErrorKind::ConnectionLost => return Err(error),
            other => other,
        },
    );
    Ok(())
}

#[test]
fn a_connection_cut_at_any_byte_is_an_error_and_nothing_else() {
    let scratch = scratch!();
    let (whole, sent) = through(&scratch, Cut::After(usize::MAX));
    exchange(&whole.unwrap()).unwrap();
    let length = sent.load(Ordering::Relaxed);
    assert!(length > 500, "{length} bytes");
    let (mut before_login, mut after) = (0, 0);
    // Each byte would be some thousand connections; a step that is coprime with the lengths there are hits all kinds.
    for bytes in (0..length).step_by(13) {
        let kind = match through(&scratch, Cut::After(bytes)).0 {
            Err(error) => {
                before_login += 1;
                error.kind()
            }
            Ok(db) => {
                after += 1;
                // What was asked first goes through, the rest is cut and cannot be made good.
                match exchange(&db) {
                    Err(error) => error.kind(),
                    Ok(()) => ErrorKind::ConnectionLost,
                }
            }
        };
        let expected =
            [ErrorKind::ConnectionLost, ErrorKind::PoolTimeout, ErrorKind::ConnectFailed, ErrorKind::CommitUnknown];
        assert!(expected.contains(&kind), "cut after {bytes} of {length} bytes: {kind:?}");
    }
    assert!(before_login > 0 && after > 0, "{before_login} before the login was over, {after} after");
}

#[test]
fn single_bytes_are_as_good_as_packets() {
    let scratch = scratch!();
    exchange(&through(&scratch, Cut::Slices).0.unwrap()).unwrap();
}

#[test]
fn a_commit_whose_answer_is_lost_is_unknown() {
    let scratch = scratch!();
    let direct = crate::open(&scratch, "");
    direct.execute_script("CREATE TABLE t (id INT)").unwrap();
    let count = || direct.fetch_val::<i64>("SELECT count(*) FROM t", ()).unwrap().unwrap();
    for (cut, committed) in [(Cut::AfterAnswering(b"COMMIT"), 1), (Cut::BeforeHearing(b"COMMIT"), 0)] {
        direct.execute("DELETE FROM t", ()).unwrap();
        let db = through(&scratch, cut).0.unwrap();
        let tx = db.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let error = tx.commit().expect_err("no answer came");
        let error = error.error();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::CommitUnknown, Effect::Unknown), "{error:?}");
        assert!(!error.is_retryable(), "{error:?}");
        assert_eq!(count(), committed, "and it is what it is");
        assert_eq!(db.snapshot().busy, 0);
    }
}
