//! A bare echo: a Java process that sends back each frame that it is sent, over a Unix socket. It is the floor of what a
//! host can take: the same way there and back, without a protocol, a database or another thread on this side.

use std::io::{BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command};

use pontoon_bench_harness::{Digest, Env, Outcome, Peer, data};

pub const PEER: Peer = Peer { name: "echo", run: |_, env| Some(point(env)), rows: &["jdbc_point"] };

/// Ends the process.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The way to the echo, which reads what comes back in the same pieces as Pontoon does.
struct Line {
    to: UnixStream,
    from: BufReader<UnixStream>,
    _process: Ended,
}

impl Line {
    fn open(env: &Env) -> Line {
        let path = env.dir.join(format!("echo-{}", std::process::id()));
        let listener = UnixListener::bind(&path).expect("a new socket");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/Echo.java");
        let mut java = Command::new("java");
        java.args(["-XX:+UseSerialGC", "-Xrs", source]).arg(&path);
        let process = Ended(java.spawn().expect("a Java"));
        let (to, _) = listener.accept().expect("it connects");
        std::fs::remove_file(&path).expect("it is there");
        Line { from: BufReader::with_capacity(64 << 10, to.try_clone().expect("room")), to, _process: process }
    }

    fn send_back(&mut self, frame: &[u8], answer: &mut Vec<u8>) {
        self.to.write_all(frame).expect("it reads");
        let mut length = [0; 4];
        self.from.read_exact(&mut length).expect("it answers");
        answer.resize(u32::from_be_bytes(length) as usize, 0);
        self.from.read_exact(answer).expect("it answers");
    }
}

fn point(env: &Env) -> Outcome {
    let mut line = Line::open(env);
    let people = data::people();
    let (mut frame, mut answer) = (Vec::new(), Vec::new());
    let mut op = |number, digest: &mut Digest| {
        pack(&people[data::key(number) as usize - 1], &mut frame);
        line.send_back(&frame, &mut answer);
        read(&answer, digest);
    };
    env.warm_up(|number| op(number, &mut Digest::default()));
    env.measure(10, op)
}

/// The question and its answer in one frame, so that it has about the size of either with what Pontoon sends around them.
fn pack((id, name, age, score, mail): &data::Person, frame: &mut Vec<u8>) {
    frame.clear();
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(data::POINT.as_bytes());
    frame.extend_from_slice(&id.to_be_bytes());
    frame.extend_from_slice(&age.to_be_bytes());
    frame.extend_from_slice(&score.to_be_bytes());
    for text in [name, mail] {
        frame.push(text.len() as u8);
        frame.extend_from_slice(text.as_bytes());
    }
    let length = frame.len() as u32 - 4;
    frame[..4].copy_from_slice(&length.to_be_bytes());
}

fn read(answer: &[u8], digest: &mut Digest) {
    let mut rest = &answer[data::POINT.len()..];
    let mut take = |length: usize| {
        let (head, tail) = rest.split_at(length);
        rest = tail;
        head
    };
    let number = |bytes: &[u8]| i64::from_be_bytes(bytes.try_into().expect("eight bytes"));
    let (id, age, score) = (number(take(8)), number(take(8)), number(take(8)));
    let length = take(1)[0];
    let name = take(length.into());
    let length = take(1)[0];
    let mail = take(length.into());
    let text = |bytes| std::str::from_utf8(bytes).expect("UTF-8");
    digest.person((id, text(name), age, f64::from_bits(score as u64), text(mail)));
}
