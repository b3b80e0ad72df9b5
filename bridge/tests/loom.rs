//! Exhaustive models, without a bound on preemptions: `RUSTFLAGS="--cfg loom" cargo test -p pontoon-bridge --release --test loom`.
#![cfg(loom)]

mod seeded;

use pontoon_bridge::models;

fn check(model: fn()) {
    loom::model(model);
}

macro_rules! models {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            check(models::$name);
        })*
    };
}

models![
    a_job_cancelled_in_time_never_runs,
    exactly_one_outcome,
    a_cancel_never_strikes_the_next_job,
    a_shielded_job_is_not_cancelled,
    a_waiting_thread_is_woken,
    a_waiting_future_is_woken,
    undone_exactly_when_not_received,
    a_promise_is_kept,
    waited_for_exactly_when_not_undone,
    lending_keeps_the_order,
];

#[test]
fn each_seeded_bug_is_caught() {
    seeded::each_is_caught(&[
        ("start_without_compare", "a_job_cancelled_in_time_never_runs"),
        ("deliver_over_expired", "exactly_one_outcome"),
        ("end_without_fence", "a_cancel_never_strikes_the_next_job"),
        ("shield_without_window", "a_shielded_job_is_not_cancelled"),
        ("deliver_without_notify", "a_waiting_thread_is_woken"),
        ("deliver_without_wake", "a_waiting_future_is_woken"),
        ("glance_and_go", "a_waiting_future_is_woken"),
        ("leave_drops_the_offer", "undone_exactly_when_not_received"),
        ("wake_before_the_end", "a_promise_is_kept"),
        ("take_the_offer", "waited_for_exactly_when_not_undone"),
        ("promise_expires", "a_promise_is_kept"),
        ("lend_past_the_queue", "lending_keeps_the_order"),
    ]);
}
