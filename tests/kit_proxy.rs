//! The proxy of the test kit: each way to spoil a connection, shown on a server that answers by echo.

mod kit;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use kit::proxy::{Cut, Door, Framing, Toxic, ToxicProxy};
use kit::{LeakMeter, PATIENCE, case};

/// A server that sends back what it gets, and closes when its client does.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        while let Ok((mut client, _)) = listener.accept() {
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(read @ 1..) = client.read(&mut buffer) {
                    if client.write_all(&buffer[..read]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    port
}

fn proxy() -> ToxicProxy {
    ToxicProxy::to(echo(), Framing::None)
}

fn client(proxy: &ToxicProxy) -> TcpStream {
    let client = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.set_nodelay(true).unwrap();
    client
}

fn ask(client: &mut TcpStream, question: &[u8]) -> Vec<u8> {
    client.write_all(question).unwrap();
    answer(client, question.len())
}

fn answer(client: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut answer = vec![0; bytes];
    client.read_exact(&mut answer).unwrap();
    answer
}

/// How the connection ends, and what came before.
fn end(client: &mut TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let mut came = Vec::new();
    let mut byte = [0];
    loop {
        match client.read(&mut byte) {
            Ok(0) => return (came, None),
            Ok(_) => came.push(byte[0]),
            Err(error) => return (came, Some(error.kind())),
        }
    }
}

/// Nothing more comes: what the proxy keeps was counted, so there is nothing on its way.
fn is_silent(client: &mut TcpStream) -> bool {
    client.set_nonblocking(true).unwrap();
    let silent = matches!(client.read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
    client.set_nonblocking(false).unwrap();
    silent
}

#[test]
fn everything_passes_until_told_otherwise() {
    let proxy = proxy();
    let mut one = client(&proxy);
    let mut two = client(&proxy);
    assert_eq!(ask(&mut one, b"one"), b"one");
    let long: Vec<u8> = (0..3_000_000_u32).map(|number| number as u8).collect();
    let mut writer = two.try_clone().unwrap();
    let sent = long.clone();
    let writing = thread::spawn(move || writer.write_all(&sent).unwrap());
    assert!(answer(&mut two, long.len()) == long);
    writing.join().unwrap();
    let seen = proxy.seen();
    assert_eq!((seen.accepted, seen.open, seen.requests, seen.replies), (2, 2, 3_000_003, 3_000_003));
}

#[test]
fn a_client_that_leaves_is_told_to_the_server_and_back() {
    let proxy = proxy();
    let mut one = client(&proxy);
    one.write_all(b"bye").unwrap();
    one.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(end(&mut one), (b"bye".to_vec(), None));
    proxy.wait_for("the end of it", |seen| seen.open == 0);
}

#[test]
fn a_cut_is_a_reset_or_an_end_for_all_connections() {
    for (cut, expected) in [(Cut::Reset, Some(ErrorKind::ConnectionReset)), (Cut::Finish, None)] {
        let proxy = proxy();
        let mut clients = [client(&proxy), client(&proxy)];
        for client in &mut clients {
            assert_eq!(ask(client, b"hello"), b"hello");
        }
        proxy.cut(cut);
        for client in &mut clients {
            assert_eq!(end(client), (vec![], expected), "{cut:?}");
        }
        assert_eq!(proxy.seen().open, 0);
        assert_eq!(ask(&mut client(&proxy), b"new ones pass"), b"new ones pass");
    }
}

#[test]
fn a_blackhole_takes_everything_and_gives_nothing() {
    let proxy = proxy();
    let mut one = client(&proxy);
    proxy.blackhole();
    one.write_all(b"lost").unwrap();
    assert_eq!(proxy.wait_for("four bytes that are lost", |seen| seen.swallowed == 4).replies, 0);
    assert!(is_silent(&mut one));
    proxy.heal();
    assert_eq!(ask(&mut one, b"found"), b"found", "what was lost stays lost");
}

#[test]
fn swallowed_replies_have_been_sent_by_the_server() {
    let proxy = proxy();
    let mut one = client(&proxy);
    proxy.replies(Toxic::Swallow);
    one.write_all(b"commit").unwrap();
    let seen = proxy.wait_for("the reply", |seen| seen.swallowed == 6);
    assert_eq!((seen.requests, seen.replies, seen.delivered), (6, 6, 0));
    proxy.cut(Cut::Reset);
    assert_eq!(end(&mut one), (vec![], Some(ErrorKind::ConnectionReset)));
}

#[test]
fn a_deaf_door_accepts_and_says_nothing() {
    let proxy = proxy();
    proxy.door(Door::Deaf);
    let mut one = client(&proxy);
    one.write_all(b"anybody?").unwrap();
    proxy.wait_for("what it says", |seen| seen.requests == 8);
    assert!(is_silent(&mut one));
    assert_eq!(proxy.seen().replies, 0);
    proxy.door(Door::Open);
    assert_eq!(ask(&mut client(&proxy), b"new"), b"new");
    assert!(is_silent(&mut one), "who was let in deaf stays so");
    drop(one);
    proxy.wait_for("only the other one, which is gone too", |seen| seen.open == 0);
}

#[test]
fn a_closed_door_refuses_and_can_be_opened_at_the_same_port() {
    let proxy = proxy();
    let mut there = client(&proxy);
    assert_eq!(ask(&mut there, b"1"), b"1");
    proxy.door(Door::Closed);
    for _ in 0..3 {
        let refused = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
    assert_eq!(ask(&mut there, b"2"), b"2", "who is inside stays");
    proxy.door(Door::Open);
    assert_eq!(ask(&mut client(&proxy), b"3"), b"3");
}

#[test]
fn a_server_that_is_not_there_is_a_reset() {
    let nobody = kit::Port::take();
    let proxy = ToxicProxy::to(nobody.number, Framing::None);
    let mut one = client(&proxy);
    assert_eq!(end(&mut one), (vec![], Some(ErrorKind::ConnectionReset)));
}

#[test]
fn a_delay_is_at_least_so_long_and_keeps_the_order() {
    let proxy = proxy();
    let mut one = client(&proxy);
    proxy.replies(Toxic::Delay(Duration::from_millis(30)));
    let begun = Instant::now();
    one.write_all(b"first").unwrap();
    one.write_all(b"second").unwrap();
    assert_eq!(answer(&mut one, 11), b"firstsecond");
    assert!(begun.elapsed() >= Duration::from_millis(30));
}

#[test]
fn slices_come_one_by_one() {
    let proxy = proxy();
    let mut one = client(&proxy);
    proxy.replies(Toxic::Slice(2, Duration::from_millis(10)));
    let begun = Instant::now();
    assert_eq!(ask(&mut one, b"sliced"), b"sliced");
    assert!(begun.elapsed() >= Duration::from_millis(20), "three pieces have two pauses between them");
}

#[test]
fn a_cut_comes_after_exactly_so_many_bytes() {
    for cut in [Cut::Reset, Cut::Finish] {
        for count in 0..5 {
            let proxy = proxy();
            let mut one = client(&proxy);
            assert_eq!(ask(&mut one, b"not counted"), b"not counted");
            proxy.replies(Toxic::CutAfter(count, cut));
            let written = one.write_all(b"12345");
            let seen = proxy.wait_for("the cut", |seen| seen.open == 0);
            assert_eq!(seen.delivered, 11 + count);
            if cut == Cut::Finish {
                assert_eq!(end(&mut one).0, &b"12345"[..count as usize]);
            } else {
                // Whoever meets the reset first is told, and nobody else.
                let told = written.map_or_else(|error| Some(error.kind()), |()| end(&mut one).1);
                assert_eq!(told, Some(ErrorKind::ConnectionReset));
            }
        }
    }
}

#[test]
fn a_request_can_be_cut_too() {
    let proxy = proxy();
    proxy.requests(Toxic::CutAfter(3, Cut::Finish));
    let mut one = client(&proxy);
    one.write_all(b"123456").unwrap();
    proxy.wait_for("the cut", |seen| seen.accepted == 1 && seen.open == 0);
    assert_eq!(proxy.seen().requests, 6);
}

#[test]
fn one_byte_is_corrupted_and_no_other() {
    let proxy = proxy();
    let mut one = client(&proxy);
    assert_eq!(ask(&mut one, b"clean"), b"clean");
    proxy.replies(Toxic::Corrupt(2, 0xff));
    assert_eq!(ask(&mut one, b"ab"), b"ab");
    assert_eq!(ask(&mut one, b"cd"), [b'c' ^ 0xff, b'd']);
    assert_eq!(ask(&mut one, b"ef"), b"ef");
}

#[test]
fn one_connection_can_be_spoilt_and_the_others_not() {
    let proxy = proxy();
    let mut there = client(&proxy);
    assert_eq!(ask(&mut there, b"1"), b"1");
    proxy.next_replies(Toxic::Corrupt(0, 0xff));
    assert_eq!(ask(&mut client(&proxy), b"2"), [b'2' ^ 0xff]);
    assert_eq!(ask(&mut client(&proxy), b"3"), b"3");
    proxy.present_replies(Toxic::Corrupt(0, 0xff));
    assert_eq!(ask(&mut client(&proxy), b"4"), b"4");
    assert_eq!(ask(&mut there, b"5"), [b'5' ^ 0xff]);
}

#[test]
fn what_is_held_comes_when_it_may() {
    let proxy = proxy();
    let mut one = client(&proxy);
    proxy.replies(Toxic::Hold);
    one.write_all(b"kept").unwrap();
    proxy.wait_for("the reply", |seen| seen.replies == 4);
    assert!(is_silent(&mut one));
    proxy.heal();
    assert_eq!(answer(&mut one, 4), b"kept");
}

/// A server that says this to everybody, and then listens until they leave.
fn talker(text: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        while let Ok((mut client, _)) = listener.accept() {
            let text = text.clone();
            thread::spawn(move || {
                // In small pieces, so that no header comes as a whole.
                for piece in text.chunks(3) {
                    let _ = client.write_all(piece);
                }
                while let Ok(1..) = client.read(&mut [0; 64]) {}
            });
        }
    });
    port
}

/// A message of PostgreSQL.
fn typed(kind: u8, text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap() + 4;
    [&[kind][..], &length.to_be_bytes(), text].concat()
}

/// A message of MariaDB.
fn numbered(number: u8, text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_le_bytes();
    [&length[..3], &[number], text].concat()
}

/// Two protocols, each with three messages in it.
fn protocols() -> [(Framing, [Vec<u8>; 3]); 2] {
    [
        (Framing::Postgres, [typed(b'T', b"columns"), typed(b'D', b""), typed(b'Z', b"I")]),
        (Framing::MySql, [numbered(0, b"columns"), numbered(1, b""), numbered(2, b"end")]),
    ]
}

#[test]
fn so_many_messages_pass_and_the_rest_is_held() {
    for (framing, messages) in protocols() {
        let proxy = ToxicProxy::to(talker(messages.concat()), framing);
        for count in 0..3 {
            let before = proxy.seen();
            proxy.replies(Toxic::HoldAfterMessages(count));
            let mut one = client(&proxy);
            let total = messages.concat().len() as u64;
            let passed = messages[..count as usize].concat();
            let seen = proxy.wait_for("all that was said", |seen| {
                seen.replies == before.replies + total && seen.messages == before.messages + count
            });
            assert_eq!(seen.delivered, before.delivered + passed.len() as u64);
            assert_eq!(answer(&mut one, passed.len()), passed);
            assert!(is_silent(&mut one));
            proxy.cut(Cut::Reset);
        }
    }
}

#[test]
fn what_was_held_goes_on_message_by_message() {
    for (framing, messages) in protocols() {
        let proxy = ToxicProxy::to(talker(messages.concat()), framing);
        proxy.replies(Toxic::Hold);
        let mut one = client(&proxy);
        proxy.wait_for("all that was said", |seen| seen.replies == messages.concat().len() as u64);
        for message in &messages {
            proxy.replies(Toxic::HoldAfterMessages(1));
            assert_eq!(&answer(&mut one, message.len()), message);
            assert!(is_silent(&mut one));
        }
    }
}

#[test]
fn one_length_is_corrupted_wherever_the_pieces_are_cut() {
    for (framing, messages) in protocols() {
        let proxy = ToxicProxy::to(talker(messages.concat()), framing);
        proxy.replies(Toxic::CorruptLength(1, 0x00fe_dcba));
        let mut one = client(&proxy);
        let mut expected = messages.clone();
        match framing {
            Framing::Postgres => expected[1][1..5].copy_from_slice(&[0, 0xfe, 0xdc, 0xba]),
            _ => expected[1][..3].copy_from_slice(&[0xba, 0xdc, 0xfe]),
        }
        assert_eq!(answer(&mut one, expected.concat().len()), expected.concat());
        // They are counted as the server sent them, after they were written.
        proxy.wait_for("three messages", |seen| seen.messages == 3);
    }
}

/// The answer to a request for encryption is a byte, and what comes after it cannot be read: nothing of that is taken
/// for a message.
#[test]
fn an_encrypted_connection_has_no_messages() {
    let proxy = ToxicProxy::to(talker(b"S".to_vec()), Framing::Postgres);
    proxy.replies(Toxic::Hold);
    let mut one = client(&proxy);
    one.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).unwrap();
    proxy.wait_for("the request and the answer", |seen| seen.requests == 8 && seen.replies == 1);
    proxy.replies(Toxic::CorruptLength(0, 7));
    assert_eq!(answer(&mut one, 1), b"S");
    assert_eq!(proxy.seen().messages, 0);
}

#[test]
fn a_proxy_leaves_no_thread_and_no_descriptor() {
    case!(|_| {
        let server = echo();
        let meter = LeakMeter::start();
        let proxy = ToxicProxy::to(server, Framing::None);
        let mut one = client(&proxy);
        let mut two = client(&proxy);
        assert_eq!(ask(&mut one, b"hello"), b"hello");
        proxy.blackhole();
        two.write_all(b"lost").unwrap();
        drop(proxy);
        drop((one, two));
        meter.assert_flat();
    })
    .pass();
}
