//! Published tables, reproduced: EU guidelines C(2025) 7719, Annex A.3; MIRI, arXiv 2511.10783, Tables 1 and 2.

use proptest::prelude::*;
use standstill_attestations::accounting::{
    agree, around, ceiling, difference, eight_nd, hardware, ratio, scaled, six_nd, time_to_reach_ms,
};
use standstill_attestations::claim::{Interval, PpmInterval};
use standstill_protocol::units::{Flop, Ppm};

fn flop(text: &str) -> Flop {
    text.parse().unwrap()
}

#[test]
fn eu_annex_a3_by_architecture() {
    // Parameters, tokens, 6PD. The print rounds the first to 7.5e22 and gives 1.5e23 for the last.
    for (parameters, tokens, exact) in [
        ("3.8e9", "3.3e12", "7.524e22"),
        ("0.6e9", "36e12", "1.296e23"),
        ("1.54e9", "18e12", "1.6632e23"),
        ("1.7e9", "36e12", "3.672e23"),
        ("2.5e9", "12e12", "1.8e23"),
        ("2.6e9", "10e12", "1.56e23"),
    ] {
        assert_eq!(six_nd(flop(parameters).0, flop(tokens).0), Ok(flop(exact)), "{parameters} x {tokens}");
    }
}

#[test]
fn eu_annex_a3_by_hardware() {
    // GPU hours, peak, 6.5e23 in the print for the second.
    for (hours, peak, exact) in
        [(200_000, 300_000_000_000_000, "1.08e23"), (370_000, 989_000_000_000_000, "6.58674e23")]
    {
        assert_eq!(hardware(hours * 3600, peak, ratio(500_000)), Ok(Interval::exact(flop(exact))));
    }
}

/// Days with as many decimals as the print has, rounded half up.
fn days(milliseconds: u128, decimals: u32) -> String {
    let scale = 10u128.pow(decimals);
    let rounded = (milliseconds * scale + 43_200_000) / 86_400_000;
    match decimals {
        0 => rounded.to_string(),
        _ => format!("{}.{:0width$}", rounded / scale, rounded % scale, width = decimals as usize),
    }
}

#[test]
fn miri_tables_1_and_2_days_to_a_threshold() {
    let rows = [
        (100_000, "0.001", "0.1"),
        (10_000, "0.012", "1.2"),
        (1_000, "0.1", "11.7"),
        (100, "1.2", "116.9"),
        (16, "7.3", "730.7"),
        (1, "116.9", "11691"),
    ];
    for (chips, to_1e22, to_1e24) in rows {
        for (target, printed) in [("1e22", to_1e22), ("1e24", to_1e24)] {
            let reached = time_to_reach_ms(flop(target), chips, 990_000_000_000_000 * 2, Ppm(500_000)).unwrap();
            let decimals = printed.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            assert_eq!(days(reached, decimals as u32), printed, "{chips} chips to {target}");
        }
    }
}

#[test]
fn recomputation_is_a_third_more() {
    // A line of the BLOOM-176B chronicle: 109.8 TFLOPs by 6ND, 146.4 by 8ND.
    assert_eq!(six_nd(183, 100), Ok(Flop(109_800)));
    assert_eq!(eight_nd(183, 100), Ok(Flop(146_400)));
}

#[test]
fn what_does_not_fit_128_bits_is_an_error_and_not_a_wrap() {
    assert!(six_nd(u128::MAX / 6, 2).is_err());
    assert!(six_nd(u128::MAX, u128::MAX).is_err());
    assert_eq!(ceiling(u64::MAX, u64::MAX), Flop(u128::from(u64::MAX) * u128::from(u64::MAX)));
    assert!(scaled(Interval::exact(Flop(u128::MAX)), ratio(1_000_001)).is_err());
    assert_eq!(time_to_reach_ms(Flop(u128::MAX), 1, 1, Ppm(1)), None);
    assert_eq!(time_to_reach_ms(Flop(1), 0, 1, Ppm(1)), None);
}

#[test]
fn a_claim_at_the_tolerance_agrees_and_one_past_it_does_not() {
    let computed = Interval::exact(Flop(1_000_000));
    for (claimed, agrees) in [(1_300_000, true), (1_300_001, false), (769_231, true), (769_230, false)] {
        assert_eq!(agree(Interval::exact(Flop(claimed)), computed, Ppm(300_000)), agrees, "{claimed}");
    }
}

fn interval() -> impl Strategy<Value = Interval> {
    (any::<u64>(), any::<u64>()).prop_map(|(one, other)| Interval {
        lower: Flop(u128::from(one.min(other))),
        upper: Flop(u128::from(one.max(other))),
    })
}

/// A point of the interval.
fn within(interval: Interval, share: u64) -> u128 {
    let width = interval.upper.0 - interval.lower.0;
    interval.lower.0 + width * u128::from(share) / u128::from(u64::MAX)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rounding_is_outward(value in interval(), share: u64, low in 0u64..2_000_000, more in 0u64..2_000_000, by: u64) {
        let ratios = PpmInterval { lower: Ppm(low), upper: Ppm(low + more) };
        let scaled = scaled(value, ratios).unwrap();
        let ppm = u128::from(low) + u128::from(by) * u128::from(more) / u128::from(u64::MAX);
        let millionths = within(value, share) * ppm;
        prop_assert!(scaled.lower.0 * 1_000_000 <= millionths && millionths <= scaled.upper.0 * 1_000_000);
    }

    #[test]
    fn a_difference_holds_every_difference_of_its_points(one in interval(), other in interval(), a: u64, b: u64) {
        let (later, earlier) = (within(one, a), within(other, b));
        match (difference(one, other), later.checked_sub(earlier)) {
            (Some(difference), Some(point)) => {
                prop_assert!(difference.lower.0 <= point && point <= difference.upper.0);
            }
            (None, point) => prop_assert_eq!(point, None),
            (Some(difference), None) => prop_assert_eq!(difference.lower, Flop(0)),
        }
    }

    #[test]
    fn around_a_figure_is_around_it(value: u64, share in 0u64..2_000_000) {
        let bounds = around(Flop(u128::from(value)), Ppm(share)).unwrap();
        prop_assert!(bounds.lower.0 <= u128::from(value) && u128::from(value) <= bounds.upper.0);
    }

    #[test]
    fn time_to_reach_is_enough_and_a_millisecond_less_is_not(
        target in 1u64.., chips in 1u64..1_000_000, peak in 1u64..1_000_000_000_000_000, share in 1u64..=1_000_000,
    ) {
        let reached = time_to_reach_ms(Flop(u128::from(target)), chips, peak, Ppm(share)).unwrap();
        let rate = u128::from(chips) * u128::from(peak) * u128::from(share);
        let done = |ms: u128| rate.saturating_mul(ms) / 1_000_000_000;
        prop_assert!(done(reached) >= u128::from(target));
        prop_assert!(reached == 0 || rate * (reached - 1) < u128::from(target) * 1_000_000_000);
    }
}
