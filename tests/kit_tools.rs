//! The instruments of the test kit, each shown to notice what it is there for.

mod kit;

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::panic::catch_unwind;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kit::{Canary, Census, ForkEnd, LeakMeter, Probe, case, hear, in_fork, tell, within};

fn message(panic: Box<dyn std::any::Any + Send>) -> String {
    panic.downcast::<String>().map_or_else(|_| "a panic without a text".into(), |text| *text)
}

/// A thread that has its name and waits until the sender is dropped. A thread gives itself its name, so one that was only
/// just spawned may still have its parent's.
fn idle_thread(name: &str) -> (Sender<()>, JoinHandle<()>) {
    let (stop, wait) = channel::<()>();
    let (started, named) = channel();
    let body = move || {
        let _ = started.send(());
        let _ = wait.recv();
    };
    let thread = thread::Builder::new().name(name.into()).spawn(body).unwrap();
    named.recv().unwrap();
    (stop, thread)
}

#[test]
fn a_body_that_hangs_fails_its_test_and_shows_its_threads() {
    let (_never, wait) = channel::<()>();
    let hung = catch_unwind(|| {
        within(Duration::from_millis(50), move || {
            let stuck = thread::Builder::new().name("stuck-worker".into());
            stuck.spawn(move || wait.recv()).unwrap().join().unwrap()
        })
    });
    let message = message(hung.unwrap_err());
    assert!(message.contains("still running after 50ms"), "{message}");
    assert!(message.contains("stuck-worker"), "{message}");
}

#[test]
fn a_body_that_ends_gives_its_value_or_its_panic() {
    assert_eq!(within(Duration::from_secs(20), || 7), 7);
    let panicked = catch_unwind(|| within(Duration::from_secs(20), || panic!("{}", "on purpose")));
    assert_eq!(message(panicked.unwrap_err()), "on purpose");
}

#[test]
fn the_probe_bounds_what_is_held_against_a_promise() {
    let probe = Probe::start();
    probe.assert_within("nothing", Duration::ZERO, Duration::from_micros(1));
    let late = probe.allowed(Duration::from_millis(1)) + Duration::from_secs(60);
    let failed = catch_unwind(std::panic::AssertUnwindSafe(|| {
        probe.assert_within("a slow thing", late, Duration::from_millis(1));
    }));
    assert!(message(failed.unwrap_err()).contains("a slow thing took"));
}

#[test]
fn leaked_threads_and_descriptors_are_found_by_name_and_kind() {
    case!(|_| {
        let meter = LeakMeter::start();
        meter.assert_flat();

        let before = Census::take();
        let (stop, leaked) = idle_thread("a-leak");
        let file = File::open("/proc/self/exe").unwrap();
        let pair = UnixStream::pair().unwrap();
        let now = Census::take();
        assert_eq!(now.threads_named("a-leak"), 1);
        assert_eq!(now.thread_count(), before.thread_count() + 1);
        let count = |census: &Census, kind: &str| census.descriptors.get(kind).copied().unwrap_or(0);
        assert_eq!(count(&now, "file"), count(&before, "file") + 1);
        assert_eq!(count(&now, "socket"), count(&before, "socket") + 2);

        let found = meter.settled(Duration::ZERO).unwrap_err();
        for expected in ["threads `a-leak`: 0 before, 1 now", "descriptors `socket`: 0 before, 2 now", "`file`"] {
            assert!(found.contains(expected), "{found}");
        }

        drop((stop, file, pair));
        let _ = leaked.join();
        meter.assert_flat();

        let _kept = idle_thread("kept-for-life");
        meter.except_threads("kept-").assert_flat();
    })
    .pass();
}

#[test]
fn memory_that_grows_is_found() {
    case!(|_| {
        let meter = LeakMeter::start();
        meter.assert_memory_within(4 << 20);
        let held = vec![1_u8; 32 << 20];
        assert!(catch_unwind(|| meter.assert_memory_within(16 << 20)).is_err());
        drop(std::hint::black_box(held));
    })
    .pass();
}

#[test]
fn a_case_runs_in_its_own_process_with_what_it_was_given() {
    let here = std::process::id();
    let output = case!(|argument| {
        tell("process", std::process::id());
        tell("argument", argument);
        std::process::exit(7);
    })
    .argument("a=b c")
    .run();
    assert_eq!(output.code, Some(7), "{output}");
    assert_eq!(output.value("argument"), "a=b c");
    assert_ne!(output.value("process"), here.to_string());
    assert!(output.time_since("process") <= output.time);
}

#[test]
fn a_case_that_panics_is_told_from_one_that_passes() {
    let output = case!("panics", |_| panic!("on purpose")).run();
    assert_eq!(output.code, Some(101), "{output}");
    assert!(output.stderr.contains("on purpose"), "{output}");
    case!("passes", |_| {}).pass();
}

#[test]
fn a_case_can_be_talked_to_and_killed() {
    let mut running = case!(|_| {
        tell("ready", "");
        while let Some(line) = hear() {
            tell("echo", line);
        }
    })
    .start();
    running.wait_for("ready");
    running.say("hello");
    assert_eq!(running.wait_for("echo"), "hello");
    let threads = running.threads();
    assert!(threads.lines().count() >= 2, "a heading and a thread or more:\n{threads}");
    running.kill();
    let output = running.finish();
    assert_eq!((output.code, output.signal), (None, Some(9)), "{output}");
    assert_eq!(output.values("echo"), ["hello"]);
}

#[test]
fn a_case_that_hangs_is_ended_and_shown() {
    let case = case!(|_| {
        tell("ready", "");
        let _ = hear();
    });
    let hung = catch_unwind(|| case.limit(Duration::from_millis(300)).run());
    let message = message(hung.unwrap_err());
    assert!(message.contains("still running at its limit"), "{message}");
    assert!(message.contains("ticks"), "{message}");
}

#[test]
fn a_forked_child_ends_alone() {
    case!(|_| {
        let limit = Duration::from_secs(20);
        assert_eq!(in_fork(limit, || 5), ForkEnd::Exited(5));
        assert_eq!(in_fork(limit, || panic!("on purpose")), ForkEnd::Exited(101));
        let (_never, wait) = channel::<()>();
        let started = Instant::now();
        let hung = in_fork(Duration::from_millis(50), || i32::from(wait.recv().is_ok()));
        assert_eq!(hung, ForkEnd::Hung);
        assert!(started.elapsed() >= Duration::from_millis(50));
    })
    .pass();
}

#[test]
fn the_secret_is_found_in_each_of_its_forms() {
    let secret = Canary::SECRET;
    let hex: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
    // `printf 'user:SECRET' | base64`, and the same behind one and two bytes more.
    let base64 = [
        "dXNlcjpTM2NyM3RDNG40cnlJblRoZUMwNGxNMW5lOi9wQHM/cyN3Jm89ciVkKyA7",
        "eHVzZXI6UzNjcjN0QzRuNHJ5SW5UaGVDMDRsTTFuZTovcEBzP3MjdyZvPXIlZCsgOw==",
        "eHh1c2VyOlMzY3IzdEM0bjRyeUluVGhlQzA0bE0xbmU6L3BAcz9zI3cmbz1yJWQrIDs=",
    ];
    let mut forms = vec![
        format!("postgres://u:{secret}@h/d"),
        format!("postgres://u:{}@h/d", Canary::in_url()),
        format!("{secret:?}"),
        format!("{:?}", secret.as_bytes()),
        secret.to_uppercase(),
        hex,
    ];
    forms.extend(base64.map(String::from));
    for form in forms {
        assert!(Canary::found_in(&form).is_some(), "{form}");
        let message = message(catch_unwind(|| Canary::assert_absent("a text", &form)).unwrap_err());
        assert!(message.contains("the secret shows in a text"), "{message}");
    }
    assert_eq!(Canary::found_in("postgres://u:***@h/d"), None);
    Canary::assert_absent("a redacted URL", "postgres://u:***@h/d");
}
