//! Numbers and short lists as flags hold them: `7e9`, `1.2e23..1.3e23`, `0.38..0.42`, `A/B,chips=8`. Nothing passes
//! through a float.

use std::path::PathBuf;

use standstill_attestations::claim::{Interval, Maybe, PpmInterval, Window};
use standstill_attestations::figure::{Bounds, Figure};
use standstill_attestations::training::{BaseModelUse, Session};
use standstill_protocol::hash::Hash;
use standstill_protocol::units::{Flop, Ppm, Timestamp};

/// Why something is not stated where a flag could have stated it.
pub(super) const UNSTATED: &str = "not stated by the reporter";

/// A whole number, with an exponent where one likes: `7e9`, `124439808`.
pub(super) fn whole(text: &str) -> Result<u128, String> {
    text.parse::<Flop>().map(|value| value.0).map_err(|_| format!("`{text}` is not a whole number such as `7e9`"))
}

/// The same, within 64 bits.
pub(super) fn whole_u64(text: &str) -> Result<u64, String> {
    u64::try_from(whole(text)?).map_err(|_| format!("`{text}` is beyond 64 bits"))
}

/// `LOWER..UPPER`, or one number for both.
fn pair(text: &str) -> (&str, &str) {
    text.split_once("..").unwrap_or((text, text))
}

/// FLOP: `1.2e23..1.3e23`, or one number.
pub(super) fn interval(text: &str) -> Result<Interval, String> {
    let (lower, upper) = pair(text);
    let (lower, upper) = (Flop(whole(lower)?), Flop(whole(upper)?));
    Interval::new(lower, upper).ok_or_else(|| format!("`{text}`: the lower bound comes first"))
}

/// Parameters: `ACTIVE`, or `ACTIVE,TOTAL`.
pub(super) fn parameters(text: &str) -> Result<(u128, u128), String> {
    let (active, total) = text.split_once(',').unwrap_or((text, text));
    Ok((whole(active)?, whole(total)?))
}

/// A share from 0 to 1 with at most six decimals, in parts per million.
fn share(text: &str) -> Option<Ppm> {
    let (one, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits = !rest.is_empty() && rest.len() <= 6 && rest.bytes().all(|byte| byte.is_ascii_digit());
    let rest: u64 = format!("{rest:0<6}").parse().ok().filter(|_| digits)?;
    match one {
        "0" => Some(Ppm(rest)),
        "1" if rest == 0 => Some(Ppm::ONE),
        _ => None,
    }
}

/// Shares: `0.38..0.42`, or one.
pub(super) fn shares(text: &str) -> Result<PpmInterval, String> {
    let bad = || format!("`{text}` is not a share such as `0.38..0.42`: 0 to 1, six decimals at most");
    let (lower, upper) = pair(text);
    let (lower, upper) = (share(lower).ok_or_else(bad)?, share(upper).ok_or_else(bad)?);
    if lower > upper { Err(bad()) } else { Ok(PpmInterval { lower, upper }) }
}

/// Minutes by which a zone is ahead of UTC: `+02:00`, `-05:30`.
pub(super) fn utc_offset(text: &str) -> Result<i16, String> {
    let minutes = || {
        let (sign, rest) = text.split_at_checked(1)?;
        let two = |digits: &str| digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let (hours, minutes) = rest.split_once(':').filter(|(hours, minutes)| two(hours) && two(minutes))?;
        let (hours, minutes) = (hours.parse::<i16>().ok()?, minutes.parse::<i16>().ok()?);
        let ahead = (hours <= 14 && minutes < 60).then_some(hours * 60 + minutes)?;
        match sign {
            "+" => Some(ahead),
            "-" => Some(-ahead),
            _ => None,
        }
    };
    minutes().ok_or_else(|| format!("`{text}` is not an offset from UTC such as `+02:00`"))
}

/// `START/END[,resumed=SHA256|fresh][,chips=N]`
pub(super) fn session(text: &str) -> Result<Session, String> {
    let mut parts = text.split(',');
    let window = window(parts.next().unwrap_or_default())?;
    let (mut resumed_from, mut chips) = (Maybe::Unknown(UNSTATED.to_owned()), Maybe::Unknown(UNSTATED.to_owned()));
    for part in parts {
        match part.split_once('=') {
            Some(("resumed", "fresh")) => resumed_from = Maybe::Known(None),
            Some(("resumed", digest)) => {
                let digest: Hash = digest.parse().map_err(|_| format!("`{digest}` is not 64 hex digits of SHA-256"))?;
                resumed_from = Maybe::Known(Some(digest));
            }
            Some(("chips", count)) => chips = Maybe::Known(whole_u64(count)?),
            _ => return Err(format!("`{part}` is neither `resumed=SHA256|fresh` nor `chips=N`")),
        }
    }
    Ok(Session { window, resumed_from, chips })
}

/// `START/END`
pub(super) fn window(text: &str) -> Result<Window, String> {
    let bad = || format!("`{text}` is not `START/END`, such as `2027-01-04T09:00:00Z/2027-01-05T09:00:00Z`");
    let (start, end) = text.split_once('/').ok_or_else(bad)?;
    let time = |text: &str| text.parse::<Timestamp>().map_err(|_| bad());
    Ok(Window { start: time(start)?, end: time(end)? })
}

/// A model that a run built on, its digest still a word: a file's name or hex digits.
#[derive(Clone, Debug)]
pub(super) struct BaseModelFlag {
    pub(super) name: String,
    pub(super) digest: String,
    pub(super) flop: Option<Interval>,
    pub(super) used_for: BaseModelUse,
}

/// `NAME=SHA256|FILE[,FLOP][,USE]`
pub(super) fn base_model(text: &str) -> Result<BaseModelFlag, String> {
    let (name, rest) = text.split_once('=').ok_or_else(|| format!("`{text}` is not `NAME=SHA256[,FLOP][,USE]`"))?;
    let mut parts = rest.split(',');
    let digest = parts.next().unwrap_or_default().to_owned();
    let (mut flop, mut used_for) = (None, BaseModelUse::InitialWeights);
    for part in parts {
        match BaseModelUse::from_word(part) {
            Some(word) => used_for = word,
            None => {
                let words = BaseModelUse::WORDS.join(", ");
                flop = Some(interval(part).map_err(|_| format!("`{part}` is neither FLOP nor one of: {words}"))?);
            }
        }
    }
    Ok(BaseModelFlag { name: name.to_owned(), digest, flop, used_for })
}

/// Ledger's head: `SIZE:ROOT`.
pub(super) fn head(text: &str) -> Result<standstill_attestations::LogHead, String> {
    let parsed = text.split_once(':').and_then(|(size, root)| Some((size.parse().ok()?, root.parse().ok()?)));
    let (size, root) = parsed.ok_or_else(|| format!("`{text}` is not a head, `SIZE:ROOT` with 64 hex digits"))?;
    Ok(standstill_attestations::LogHead { size, root })
}

/// A name and a file: `tcb_info=tcb.json`.
pub(super) fn named_file(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or_else(|| format!("`{text}` is not `NAME=FILE`"))?;
    Ok((name.to_owned(), PathBuf::from(file)))
}

/// A figure that a signer observed.
#[derive(Clone, Copy, Debug)]
pub(super) struct FigureFlag {
    pub(super) figure: Figure,
    pub(super) item: Option<u32>,
    pub(super) observed: Bounds,
}

/// `NAME[ITEM]=LOWER..UPPER`; a group's name stands for its main figure, so `flop` for `flop.incremental`.
pub(super) fn figure(text: &str) -> Result<FigureFlag, String> {
    let (name, bounds) = text.split_once('=').ok_or_else(|| format!("`{text}` is not `FIGURE=LOWER..UPPER`"))?;
    let (name, item) = match name.split_once('[') {
        Some((name, rest)) => {
            let item = rest.strip_suffix(']').and_then(|item| item.parse().ok());
            (name, Some(item.ok_or_else(|| format!("`{text}`: an item is written `scores[0]`"))?))
        }
        None => (name, None),
    };
    let full = match name {
        "flop" => "flop.incremental",
        "tokens" => "workload.tokens",
        "chip-seconds" => "hardware.chipSeconds",
        "energy" => "energy.joules",
        "activity" => "activity.tensorPipe",
        other => other,
    };
    let figure = Figure::from_word(full)
        .ok_or_else(|| format!("`{name}` is no figure; there are: {}", Figure::WORDS.join(", ")))?;
    let (lower, upper) = pair(bounds);
    let observed = Bounds { lower: signed(lower)?, upper: signed(upper)? };
    if observed.lower > observed.upper {
        return Err(format!("`{text}`: the lower bound comes first"));
    }
    Ok(FigureFlag { figure, item, observed })
}

fn signed(text: &str) -> Result<i128, String> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let value = i128::try_from(whole(digits)?).map_err(|_| format!("`{text}` is too large"))?;
    Ok(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact_and_within_one() {
        let ppm = |text| shares(text).map(|share| (share.lower.0, share.upper.0));
        assert_eq!(ppm("0.38..0.42"), Ok((380_000, 420_000)));
        assert_eq!(ppm("1"), Ok((1_000_000, 1_000_000)));
        assert_eq!(ppm("0.000001"), Ok((1, 1)));
        for bad in ["1.1", "0.42..0.38", "0.", ".5", "0.1234567", "38%", "", "-0.1", "0.+1"] {
            assert!(shares(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn offsets_from_utc_have_a_sign_and_minutes() {
        assert_eq!(utc_offset("+02:00"), Ok(120));
        assert_eq!(utc_offset("-05:30"), Ok(-330));
        for bad in ["2", "+2:00", "02:00", "+15:00", "+01:60", "+-1:00", ""] {
            assert!(utc_offset(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn figures_have_bounds_and_lists_an_item() {
        let flag = figure("flop=1e10..1.2e10").unwrap();
        assert_eq!((flag.figure, flag.item), (Figure::FlopIncremental, None));
        assert_eq!((flag.observed.lower, flag.observed.upper), (10_000_000_000, 12_000_000_000));
        assert_eq!(figure("scores[1]=-5..7").unwrap().item, Some(1));
        for bad in ["flop", "joy=1", "flop=2..1", "scores[x]=1", "flop=1.5"] {
            assert!(figure(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sessions_say_how_they_began_and_on_what() {
        let text = "2027-01-04T09:00:00Z/2027-01-05T09:00:00Z,resumed=fresh,chips=512";
        let session = session(text).unwrap();
        assert_eq!((session.resumed_from, session.chips), (Maybe::Known(None), Maybe::Known(512)));
        assert!(super::session("2027-01-04T09:00:00Z").is_err());
        assert!(super::session("2027-01-04T09:00:00Z/2027-01-05T09:00:00Z,colour=red").is_err());
    }
}
