//! Randomised models: `RUSTFLAGS="--cfg shuttle" cargo test -p pontoon-bridge --release --test shuttle`. The number of
//! schedules each is `SCHEDULES` in the environment, 20 000 by default.
#![cfg(shuttle)]

mod seeded;

use pontoon_bridge::models;

fn check(model: fn()) {
    let schedules = std::env::var("SCHEDULES").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000);
    shuttle::check_random(model, schedules);
    shuttle::check_pct(model, schedules / 4, 3);
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
    permits_are_neither_lost_nor_duplicated,
    first_come_first_served,
    every_reply_resolves_at_the_end,
    an_offer_does_not_outlive_its_worker,
    a_feed_brings_everything_and_its_end,
    a_reader_that_goes_stops_the_job,
];

#[test]
fn each_seeded_bug_is_caught() {
    seeded::each_is_caught(&[
        ("granted_leaver_keeps_permit", "permits_are_neither_lost_nor_duplicated"),
        ("permit_lost_on_leaver", "permits_are_neither_lost_nor_duplicated"),
        ("release_frees_and_hands_over", "permits_are_neither_lost_nor_duplicated"),
        ("last_in_first_out", "first_come_first_served"),
        ("submit_without_second_look", "every_reply_resolves_at_the_end"),
        ("close_forgets_the_offer", "an_offer_does_not_outlive_its_worker"),
        ("push_without_credit", "a_feed_brings_everything_and_its_end"),
        ("credit_lost", "a_feed_brings_everything_and_its_end"),
        ("end_before_batches", "a_feed_brings_everything_and_its_end"),
        ("reader_leaves_silently", "a_reader_that_goes_stops_the_job"),
    ]);
}
