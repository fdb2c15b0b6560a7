//! How fast horizons double: log2 of the horizon over the day of release, by least squares.
//!
//! METR fits the models that were ahead on the day of their release ([`frontier`]), and states the days in which the
//! line rises by one: `1 / slope`.

use libm::log2;

/// A model: the day of its release, and its horizon in minutes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Release {
    /// Days since 1970-01-01.
    pub(super) day: u32,
    pub(super) minutes: f64,
}

/// The models that no earlier one, and none of the same day, was ahead of.
pub(super) fn frontier(mut releases: Vec<Release>) -> Vec<Release> {
    releases.sort_by(|one, other| one.day.cmp(&other.day).then(other.minutes.total_cmp(&one.minutes)));
    let mut highest = f64::NEG_INFINITY;
    releases.retain(|release| {
        let ahead = release.minutes >= highest;
        highest = highest.max(release.minutes);
        ahead
    });
    releases
}

/// Days in which the horizon doubles; `None` for fewer than two days, or where it does not grow.
pub(super) fn doubling_days(releases: &[Release]) -> Option<f64> {
    let count = f64::from(u32::try_from(releases.len()).ok()?);
    let days = || releases.iter().map(|release| f64::from(release.day));
    let logs = || releases.iter().map(|release| log2(release.minutes));
    let (day, height) = (days().sum::<f64>() / count, logs().sum::<f64>() / count);
    let rise: f64 = days().zip(logs()).map(|(x, y)| (x - day) * (y - height)).sum();
    let run: f64 = days().map(|x| (x - day) * (x - day)).sum();
    let doubling = run / rise;
    (doubling.is_finite() && doubling > 0.0).then_some(doubling)
}

#[cfg(test)]
mod tests {
    use standstill_protocol::units::Timestamp;

    use super::*;

    /// Day of release and p50 in minutes, from METR's `benchmark_results_1_1.yaml` as of February 2026
    /// (<https://metr.org/assets/benchmark_results_1_1.yaml>).
    const PUBLISHED: [(&str, f64); 23] = [
        ("2019-02-14", 0.039762),
        ("2020-05-28", 0.148793),
        ("2022-03-15", 0.604245),
        ("2023-03-14", 3.524514),
        ("2023-11-06", 3.609578),
        ("2024-03-04", 3.575399),
        ("2024-04-09", 3.225159),
        ("2024-05-13", 6.404471),
        ("2024-06-20", 10.771603),
        ("2024-09-12", 19.395096),
        ("2024-10-22", 19.776241),
        ("2024-12-05", 37.937543),
        ("2025-02-24", 59.763762),
        ("2025-04-16", 120.730463),
        ("2025-05-22", 101.182643),
        ("2025-08-05", 100.84381),
        ("2025-08-07", 213.954459),
        ("2025-11-18", 236.654674),
        ("2025-11-19", 236.548491),
        ("2025-11-24", 320.422486),
        ("2025-12-11", 394.383957),
        ("2026-02-05", 870.027186),
        ("2026-02-05", 389.977021),
    ];

    fn published(since: &str) -> Vec<Release> {
        let release = |(date, minutes): (&str, f64)| {
            let time = Timestamp::parse(&format!("{date}T00:00:00Z")).unwrap();
            Release { day: u32::try_from(time.0 / 86_400_000).unwrap(), minutes }
        };
        PUBLISHED.into_iter().filter(|(date, _)| *date >= since).map(release).collect()
    }

    /// The same file states 122.611 days from 2023 on, and 182.725 for all time.
    #[test]
    fn the_published_doubling_times_come_out_to_the_last_digit() {
        for (since, count, days) in [("2023-01-01", 14, 122.611), ("2019-01-01", 17, 182.725)] {
            let ahead = frontier(published(since));
            assert_eq!(ahead.len(), count, "{since}");
            let found = doubling_days(&ahead).unwrap();
            assert!((found - days).abs() < 0.0005, "{since}: {found}");
        }
    }

    #[test]
    fn what_does_not_grow_has_no_doubling_time() {
        let release = |day, minutes| Release { day, minutes };
        assert_eq!(doubling_days(&[]), None);
        assert_eq!(doubling_days(&[release(1, 2.0)]), None);
        assert_eq!(doubling_days(&[release(1, 2.0), release(1, 4.0)]), None);
        assert_eq!(doubling_days(&[release(1, 4.0), release(9, 2.0)]), None);
        assert_eq!(doubling_days(&[release(1, 2.0), release(101, 4.0)]), Some(100.0));
    }
}
