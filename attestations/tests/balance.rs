//! Material balance and CUSUM: MB = I_begin + in - out - I_end, alarm at |MB| > k sigma; S = max(0, S + z - 0.5), alarm at 5.

use proptest::prelude::*;
use standstill_attestations::accounting::balance::{Cusum, MaterialBalance, Measured};

fn books(values: [u64; 4], sigmas: [u64; 4]) -> MaterialBalance {
    let [begin, received, removed, end] = std::array::from_fn(|at| Measured { value: values[at], sigma: sigmas[at] });
    MaterialBalance { begin, received, removed, end }
}

#[test]
fn what_is_missing_is_positive_and_alarms_past_k_sigma() {
    // Sigma 5 from 3, 4, 0, 0.
    for (end, unaccounted, z, alarm_at_3) in [
        (1100, 0, 0, false),
        (1085, 15, 3000, false),
        (1084, 16, 3200, true),
        (1115, -15, -3000, false),
        (1120, -20, -4000, true),
    ] {
        let books = books([1000, 150, 50, end], [3, 4, 0, 0]);
        assert_eq!(books.unaccounted(), unaccounted);
        assert_eq!(books.standardised_milli(), Ok(Some(z)));
        assert_eq!(books.alarm(3000), Ok(alarm_at_3), "{end}");
    }
}

#[test]
fn books_without_error_alarm_at_any_difference() {
    assert_eq!(books([10, 0, 0, 10], [0; 4]).alarm(3000), Ok(false));
    assert_eq!(books([10, 0, 0, 9], [0; 4]).alarm(3000), Ok(true));
    assert_eq!(books([10, 0, 0, 9], [0; 4]).standardised_milli(), Ok(None));
}

#[test]
fn a_small_loss_every_period_alarms_in_time() {
    // One sigma a period gains a half: the tenth reaches five.
    let mut cusum = Cusum::default();
    let alarms: Vec<bool> = (0..10).map(|_| cusum.step(1000)).collect();
    assert_eq!(alarms.iter().position(|alarm| *alarm), Some(9));
    assert_eq!(cusum.sum_milli, 5000);
    // Gains do not save up: the sum never falls below 0.
    let mut cusum = Cusum::default();
    assert!(!cusum.step(-100_000));
    assert_eq!(cusum.sum_milli, 0);
    assert!(cusum.step(5500));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_books_panic(values: [u64; 4], sigmas: [u64; 4], k: u32, z: i64, sum_milli: u64) {
        let books = books(values, sigmas);
        let _ = (books.alarm(k), books.standardised_milli(), books.unaccounted());
        Cusum { sum_milli, ..Cusum::default() }.step(z);
    }

    #[test]
    fn alarm_and_standardised_value_agree(values: [u32; 4], sigmas in [1u64..1000, 0..1000, 0..1000, 0..1000], k in 1u32..10_000) {
        let books = books(values.map(u64::from), sigmas);
        let z = books.standardised_milli().unwrap().unwrap().unsigned_abs();
        // z is rounded toward zero: beyond k it certainly alarms, a thousandth below it certainly does not.
        if z > u64::from(k) { prop_assert!(books.alarm(k).unwrap()); }
        if z < u64::from(k) { prop_assert!(!books.alarm(k).unwrap()); }
    }
}
