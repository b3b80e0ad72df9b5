use super::{Alarm, Timed};
use crate::sync::{Arc, Weak};
use parking_lot::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// Notes when it was called, and does as it is told.
#[derive(Default)]
struct Clock {
    calls: Mutex<Vec<Instant>>,
    called: Condvar,
    again: Mutex<Vec<Duration>>,
    panics: bool,
}

impl Timed for Clock {
    fn due(&self, now: Instant) -> Option<Instant> {
        self.calls.lock().push(now);
        self.called.notify_all();
        assert!(!self.panics, "a clock that panics");
        self.again.lock().pop().map(|after| now + after)
    }
}

impl Clock {
    fn wait_for(&self, calls: usize) -> Instant {
        let mut had = self.calls.lock();
        let until = Instant::now() + Duration::from_secs(30);
        while had.len() < calls {
            assert!(!self.called.wait_until(&mut had, until).timed_out(), "only {} calls", had.len());
        }
        had[calls - 1]
    }
}

fn alarm(clock: &Arc<Clock>) -> Alarm {
    Alarm::new(Arc::downgrade(clock) as Weak<dyn Timed>).expect("the watch starts")
}

#[test]
fn it_calls_at_the_time_and_not_before() {
    let clock = Arc::new(Clock::default());
    let alarm = alarm(&clock);
    let at = Instant::now() + Duration::from_millis(20);
    alarm.set(Some(at));
    assert!(clock.wait_for(1) >= at);
    alarm.ring();
    clock.wait_for(2);
}

#[test]
fn an_earlier_time_wakes_it_and_a_later_one_moves_the_call() {
    let clock = Arc::new(Clock::default());
    let alarm = alarm(&clock);
    let start = Instant::now();
    alarm.set(Some(start + Duration::from_secs(3_600)));
    alarm.set(Some(start + Duration::from_millis(20)));
    let later = start + Duration::from_millis(60);
    alarm.set(Some(later));
    assert!(clock.wait_for(1) >= later);
    assert_eq!(clock.calls.lock().len(), 1);
}

#[test]
fn it_comes_back_as_often_as_it_is_asked() {
    let clock = Arc::new(Clock::default());
    *clock.again.lock() = vec![Duration::from_millis(1); 5];
    let alarm = alarm(&clock);
    alarm.ring();
    clock.wait_for(6);
}

#[test]
fn a_panic_stops_neither_the_watch_nor_the_alarm() {
    let bad = Arc::new(Clock { panics: true, ..Clock::default() });
    let its = alarm(&bad);
    its.ring();
    bad.wait_for(1);
    its.ring();
    bad.wait_for(2);
}

#[test]
fn neither_a_cleared_nor_a_dropped_alarm_calls() {
    let (cleared, dropped, last) = (Arc::new(Clock::default()), Arc::new(Clock::default()), Arc::new(Clock::default()));
    let soon = Instant::now() + Duration::from_millis(30);
    let keeps = alarm(&cleared);
    keeps.set(Some(soon));
    keeps.set(None);
    let goes = alarm(&dropped);
    goes.set(Some(soon));
    drop(goes);
    // The watch goes by time: when this one has been called, those two would have been.
    let after = alarm(&last);
    after.set(Some(soon + Duration::from_millis(1)));
    last.wait_for(1);
    assert!(cleared.calls.lock().is_empty() && dropped.calls.lock().is_empty());
}

#[test]
fn a_target_that_has_gone_is_forgotten() {
    let clock = Arc::new(Clock::default());
    let alarm = alarm(&clock);
    let gone = Arc::downgrade(&clock);
    drop(clock);
    alarm.ring();
    let probe = Arc::new(Clock::default());
    let its = self::alarm(&probe);
    its.ring();
    probe.wait_for(1);
    assert!(gone.upgrade().is_none());
}

#[test]
fn times_set_from_several_threads_at_once_are_not_missed() {
    let clocks: Vec<_> = (0..4).map(|_| Arc::new(Clock::default())).collect();
    std::thread::scope(|scope| {
        for clock in &clocks {
            scope.spawn(move || {
                let alarm = alarm(clock);
                for turn in 1..=2_000 {
                    // Later, away, and at once: the last one must come.
                    alarm.set(Some(Instant::now() + Duration::from_secs(3_600)));
                    alarm.set(None);
                    alarm.ring();
                    clock.wait_for(turn);
                    // A ring may be answered twice; the count starts anew.
                    clock.calls.lock().truncate(turn);
                }
            });
        }
    });
}
