//! Published tables, reproduced: EU guidelines C(2025) 7719, Annex A.3; MIRI, arXiv 2511.10783, Tables 1 and 2.

use proptest::prelude::*;
use standstill_attestations::accounting::{
    Overflow, active, agree, around, ceiling, difference, eight_nd, energy_with_gaps, hardware, hull, intersection,
    least_energy, ratio, scaled, share, six_nd, sum, time_to_reach_ms, times_fraction, widened,
};
use standstill_attestations::claim::{Interval, PpmInterval};
use standstill_protocol::units::{Flop, Ppm};

fn flop(text: &str) -> Flop {
    text.parse().unwrap()
}

/// The leading digits as a print of that many has them: the guidelines cut, they do not round.
fn cut(value: Flop, printed: &str) -> String {
    let digits = value.to_string();
    let (whole, decimals) = printed.split_once('e').unwrap().0.split_once('.').unwrap_or((printed, ""));
    assert_eq!(whole.len(), 1, "{printed}");
    format!("{}.{}e{}", &digits[..1], &digits[1..=decimals.len()], digits.len() - 1)
}

#[test]
fn eu_annex_a3_by_architecture() {
    // Parameters, tokens, 6PD, and as printed.
    for (parameters, tokens, exact, printed) in [
        ("3.8e9", "3.3e12", "7.524e22", "7.5e22"),
        ("0.6e9", "36e12", "1.296e23", "1.296e23"),
        ("1.54e9", "18e12", "1.6632e23", "1.663e23"),
        ("1.7e9", "36e12", "3.672e23", "3.67e23"),
        ("2.5e9", "12e12", "1.8e23", "1.8e23"),
        ("2.6e9", "10e12", "1.56e23", "1.5e23"),
    ] {
        let computed = six_nd(flop(parameters).0, flop(tokens).0).unwrap();
        assert_eq!(computed, flop(exact), "{parameters} x {tokens}");
        assert_eq!(cut(computed, printed), printed);
    }
}

#[test]
fn eu_annex_a3_by_hardware() {
    // GPU hours, peak, FLOP at half use, and as printed.
    for (hours, peak, exact, printed) in
        [(200_000, 300_000_000_000_000, "1.08e23", "1.08e23"), (370_000, 989_000_000_000_000, "6.58674e23", "6.5e23")]
    {
        let computed = hardware(hours * 3600, peak, ratio(500_000)).unwrap();
        assert_eq!(computed, Interval::exact(flop(exact)));
        assert_eq!(cut(computed.lower, printed), printed);
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

/// A line of the BLOOM-176B chronicle says 149.02 TFLOPs a chip: 105.22 s for 2,048 sequences of 2,048 tokens on 384
/// A100s. By 6ND it is 109.8; by 8ND, with recomputation, 146.4.
#[test]
fn recomputation_explains_what_a_training_log_prints() {
    let (parameters, tokens) = (176_247_271_424, 2048 * 2048);
    let chip_milliseconds = 384 * 105_220;
    // Tenths of a TFLOP/s, rounded half up.
    let rate = |work: Flop| (work.0 * 1000 / chip_milliseconds + 50_000_000_000) / 100_000_000_000;
    assert_eq!(rate(six_nd(parameters, tokens).unwrap()), 1098);
    assert_eq!(rate(eight_nd(parameters, tokens).unwrap()), 1464);
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

#[test]
fn gaps_are_filled_by_the_worst_case() {
    // 100 chip seconds, 60 of them seen at 40 to 50 %: the other 40 may have been idle or full.
    let seen = PpmInterval { lower: Ppm(400_000), upper: Ppm(500_000) };
    assert_eq!(active(100, 60, seen, 10), Ok(Interval { lower: Flop(240), upper: Flop(700) }));
    assert_eq!(
        active(100, 200, seen, 10),
        Ok(Interval { lower: Flop(400), upper: Flop(500) }),
        "seen more than there was"
    );
    assert_eq!(energy_with_gaps(1000, 100, 60, 7), (1000, 1280));
    assert_eq!(energy_with_gaps(u64::MAX, u64::MAX, 0, u64::MAX).1, u128::from(u64::MAX) * (1 << 64));
    // 989e12 FLOP/s at 700 W: one joule does 1.41e12 FLOP.
    assert_eq!(least_energy(flop("1e24"), 989_000_000_000_000, 700), Some(707_785_642_062));
    assert_eq!(least_energy(Flop(1), 0, 700), None);
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

    #[test]
    fn no_operation_panics_at_any_size(a: [u128; 2], b: [u128; 2], n: u128, d: u128, low: u64, high: u64) {
        let of = |ends: [u128; 2]| Interval { lower: Flop(ends[0].min(ends[1])), upper: Flop(ends[0].max(ends[1])) };
        let (a, b) = (of(a), of(b));
        let ratios = PpmInterval { lower: Ppm(low.min(high)), upper: Ppm(low.max(high)) };
        for outcome in [sum([a, b]), scaled(a, ratios), times_fraction(a, n, d), widened(a, Ppm(low)), sum([hull(a, b)])] {
            prop_assert!(outcome == Err(Overflow) || outcome.is_ok_and(|held| held.lower <= held.upper));
        }
        prop_assert!(difference(a, b).is_none_or(|held| held.lower <= held.upper));
        let _ = (agree(a, b, Ppm(low)), share(n, d), least_energy(a.lower, low, high), energy_with_gaps(low, high, 0, low));
        let _ = (active(low, high, ratios, high), time_to_reach_ms(a.lower, low, high, Ppm(low)));
    }

    #[test]
    fn a_fraction_holds_the_exact_rational(value in interval(), n in 0u64.., d in 1u64.., at: u64) {
        let Ok(held) = times_fraction(value, n.into(), d.into()) else { return Err(TestCaseError::fail("128 bits suffice")) };
        // lower <= x n / d <= upper, multiplied out: the quotient of two products of 64 bits.
        let exact = within(value, at) * u128::from(n);
        prop_assert!(held.lower.0.saturating_mul(d.into()) <= exact);
        prop_assert!(held.upper.0.checked_mul(d.into()).is_none_or(|upper| exact <= upper));
    }

    #[test]
    fn scaling_is_monotone(value in interval(), less in 0u64..1_000_000, more in 0u64..1_000_000) {
        let (less, more) = (less.min(more), less.max(more));
        let (small, large) = (scaled(value, ratio(less)).unwrap(), scaled(value, ratio(more)).unwrap());
        prop_assert!(small.lower <= large.lower && small.upper <= large.upper);
    }

    #[test]
    fn what_both_hold_is_in_the_intersection_and_all_is_in_the_hull(a in interval(), b in interval(), at: u64) {
        let point = Flop(within(a, at));
        let hull = hull(a, b);
        prop_assert!(hull.lower <= point && point <= hull.upper);
        let in_b = b.lower <= point && point <= b.upper;
        let in_both = intersection(a, b).is_some_and(|both| both.lower <= point && point <= both.upper);
        prop_assert_eq!(in_b, in_both);
    }
}
