//! IAEA attribute sampling, n = ceil(N (1 - beta^(1/d))), against the exact hypergeometric.

use proptest::prelude::*;
use standstill_attestations::accounting::sampling::{exact, missed_ppm, planned};
use standstill_protocol::units::Ppm;

#[test]
fn published_sample_sizes() {
    // Items, wrong, beta in ppm; by the formula, exactly.
    for (items, wrong, beta, by_formula, by_distribution) in [
        (100, 1, 100_000, 90, 90),
        (100, 5, 100_000, 37, 37),
        (100, 10, 100_000, 21, 20),
        (1000, 10, 100_000, 206, 205),
        (1000, 10, 500_000, 67, 67),
        (1000, 10, 800_000, 23, 22),
        (10_000, 100, 100_000, 228, 227),
        (500, 3, 50_000, 316, 316),
    ] {
        assert_eq!(planned(items, wrong, Ppm(beta)), Some(by_formula), "{items} {wrong} {beta}");
        assert_eq!(exact(items, wrong, Ppm(beta)), Some(by_distribution), "{items} {wrong} {beta}");
    }
}

#[test]
fn the_ends_of_the_scale() {
    assert_eq!(exact(100, 1, Ppm(0)), Some(100), "to be certain, check all");
    assert_eq!(exact(100, 10, Ppm(0)), Some(91), "all right ones and one more");
    assert_eq!(exact(100, 1, Ppm(1_000_000)), Some(0));
    for (items, wrong) in [(0, 0), (0, 1), (10, 0), (10, 11)] {
        assert_eq!((exact(items, wrong, Ppm(100_000)), planned(items, wrong, Ppm(100_000))), (None, None));
    }
    assert_eq!(missed_ppm(100, 1, 90), Some(Ppm(100_000)));
    assert_eq!(missed_ppm(100, 1, 101), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_sample_is_enough_and_one_less_is_not(items in 1u64..100_000, wrong in 1u64..200, beta in 1_000u64..999_000) {
        prop_assume!(wrong <= items);
        let n = exact(items, wrong, Ppm(beta)).unwrap();
        prop_assert!(missed_ppm(items, wrong, n).unwrap().0 <= beta);
        prop_assert!(n == 0 || missed_ppm(items, wrong, n - 1).unwrap().0 > beta);
        prop_assert!(planned(items, wrong, Ppm(beta)).unwrap() >= n, "the formula errs on the safe side");
    }

    #[test]
    fn no_numbers_panic(items: u64, wrong in prop_oneof![0u64..100, Just(u64::MAX)], beta: u64, n: u64) {
        let _ = (exact(items, wrong, Ppm(beta)), missed_ppm(items, wrong, n), planned(items, wrong, Ppm(beta)));
    }
}
