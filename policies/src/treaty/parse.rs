//! From a file to a [`Treaty`]: every article present, every limit kept, every name resolved.

use std::collections::{BTreeMap, BTreeSet};

use standstill_protocol::hash::{Domain, Hash};
use standstill_protocol::keys::PublicKey;
use standstill_protocol::member::Name;
use standstill_protocol::units::{Flop, Ppm};
use standstill_protocol::validators::MAX_VALIDATORS;

use super::file::{AdjudicatorsFile, CapacityFile, FORMAT, InForceFile, PhaseFile, TreatyFile};
use super::span::Span;
use super::*;
use crate::parameters::{ParameterError, Value};

const MAX_MEMBERS: usize = 512;
const MAX_CLAUSES: usize = 64;
const MAX_PHASES: usize = 16;
const MAX_CONDITIONS: usize = 64;
const MAX_KEYS: usize = 16;
const MAX_TEXT: usize = 16 * 1024;
/// Periods that may have ended before the first of them is due: what a block looks through.
const MAX_DUE_PERIODS: u64 = 64;
const DAY_MS: u64 = 86_400_000;

pub(super) fn read(bytes: &[u8]) -> Result<TreatyFile, TreatyError> {
    if bytes.len() > MAX_TREATY {
        return Err(TreatyError::TooLong { length: bytes.len(), limit: MAX_TREATY });
    }
    let malformed = |reason: String| TreatyError::Malformed { reason };
    let text = std::str::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?;
    let file: TreatyFile = toml::from_str(text).map_err(|error| malformed(error.to_string().trim_end().to_owned()))?;
    if file.format != FORMAT {
        return Err(malformed(format!("`format` must be \"{FORMAT}\"")));
    }
    Ok(file)
}

pub(super) fn treaty(bytes: &[u8]) -> Result<Treaty, TreatyError> {
    let file = read(bytes)?;
    let hash = Hash::tagged(Domain::Treaty, &[bytes]);
    texts(&file)?;
    let mut members = article(file.members.clone(), "members", "list who signed, each with roles and keys")?;
    members.sort_by(|a, b| a.id.cmp(&b.id));
    check_members(&members)?;
    let (clauses, defaults) = clauses(&file)?;
    let phases = phases(&file, &members, &defaults)?;
    let (periods, clocks) = (periods(&file)?, clocks(&file)?);
    check_outage(&clocks, &periods)?;
    Ok(Treaty {
        hash,
        chain_id: Hash::tagged(Domain::ChainId, &[hash.as_bytes()]),
        periods,
        clocks,
        response: response(&file)?,
        voting: voting(&file)?,
        entry_into_force: entry_into_force(&file, &members)?,
        amendment: amendment(&file)?,
        withdrawal: withdrawal(&file)?,
        challenges: challenges(&file)?,
        counting: counting(&file)?,
        hardware: hardware(&file)?,
        name: file.name,
        title: file.title,
        text: file.text,
        adaptation: file.adaptation,
        genesis_time: file.genesis_time,
        members,
        phases,
        clauses,
    })
}

fn article<T>(value: Option<T>, article: &'static str, hint: &'static str) -> Result<T, TreatyError> {
    value.ok_or(TreatyError::Missing { article, hint })
}

fn out_of_range(article: impl Into<String>, reason: impl Into<String>) -> TreatyError {
    TreatyError::OutOfRange { article: article.into(), reason: reason.into() }
}

fn count(article: &str, count: usize, least: usize, most: usize) -> Result<(), TreatyError> {
    if (least..=most).contains(&count) {
        return Ok(());
    }
    Err(out_of_range(article, format!("{count} entries; {least} to {most} are allowed")))
}

fn span(article: &str, span: Span, least_ms: u64, most_ms: u64) -> Result<u64, TreatyError> {
    if (least_ms..=most_ms).contains(&span.0) {
        return Ok(span.0);
    }
    Err(out_of_range(article, format!("{span} is outside {} to {}", Span(least_ms), Span(most_ms))))
}

fn share(article: &str, ppm: u64) -> Result<Ppm, TreatyError> {
    if (1..=Ppm::ONE.0).contains(&ppm) {
        return Ok(Ppm(ppm));
    }
    Err(out_of_range(article, format!("{ppm} ppm is outside 1 to 1000000")))
}

fn text(article: &str, text: &str) -> Result<(), TreatyError> {
    if text.trim().is_empty() {
        return Err(out_of_range(article, "the text for people is empty"));
    }
    if text.len() > MAX_TEXT {
        return Err(out_of_range(article, format!("{} bytes of text; {MAX_TEXT} are allowed", text.len())));
    }
    Ok(())
}

/// Every rule has a text for people; none is empty or endless.
fn texts(file: &TreatyFile) -> Result<(), TreatyError> {
    text("title", &file.title)?;
    text("text", &file.text)?;
    file.adaptation.iter().try_for_each(|adaptation| text("adaptation", adaptation))?;
    for member in file.members.iter().flatten() {
        text("members.title", &member.title)?;
    }
    for clause in file.clauses.iter().flatten() {
        for part in [&clause.title, &clause.text, &clause.source] {
            text(&format!("clauses.{}", clause.id), part)?;
        }
        clause.obligation.iter().try_for_each(|owed| text(&format!("clauses.{}.obligation", clause.id), &owed.text))?;
    }
    for phase in file.phases.iter().flatten() {
        let article = format!("phases.{}", phase.id);
        text(&article, &phase.title)?;
        text(&article, &phase.text)?;
        phase.adjudicators.iter().try_for_each(|adjudicators| text(&article, &adjudicators.text))?;
        for condition in phase.triggers.iter().chain(&phase.lifts) {
            text(&format!("{article}.{}", condition.id), &condition.text)?;
            text(&format!("{article}.{}.source", condition.id), &condition.source)?;
        }
    }
    Ok(())
}

fn check_members(members: &[Member]) -> Result<(), TreatyError> {
    count("members", members.len(), 1, MAX_MEMBERS)?;
    if let Some(pair) = members.windows(2).find(|pair| pair[0].id == pair[1].id) {
        return Err(TreatyError::Duplicate { article: "members", name: pair[0].id.clone() });
    }
    let validators = members.iter().filter(|member| member.validator.is_some()).count();
    count("members.validator", validators, 1, MAX_VALIDATORS)?;
    let mut keys = BTreeSet::new();
    let mut peers = BTreeSet::new();
    for member in members {
        let article = format!("members.{}", member.id);
        count(&format!("{article}.roles"), member.roles.len(), 1, 6)?;
        count(&format!("{article}.statement_keys"), member.statement_keys.len(), 1, MAX_KEYS)?;
        for key in keys_of(member) {
            check_key(member, key, &mut keys)?;
        }
        let Some(validator) = &member.validator else { continue };
        let peer = &validator.peer_id;
        if !(1..=128).contains(&peer.len()) || !peer.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(out_of_range(format!("{article}.validator.peer_id"), "1 to 128 letters and digits"));
        }
        if !peers.insert(peer) {
            return Err(out_of_range(format!("{article}.validator.peer_id"), "another member has the same"));
        }
    }
    Ok(())
}

fn keys_of(member: &Member) -> impl Iterator<Item = PublicKey> {
    let validator = member.validator.iter().flat_map(|keys| [keys.consensus, keys.log, keys.cosigner]);
    member.statement_keys.iter().copied().chain(validator)
}

fn check_key(member: &Member, key: PublicKey, keys: &mut BTreeSet<PublicKey>) -> Result<(), TreatyError> {
    let refused = |reason| TreatyError::BadKey { member: member.id.clone(), key, reason };
    key.parse().map_err(|_| refused("is not a valid ed25519 key"))?;
    if !keys.insert(key) {
        return Err(refused("has two uses; each key has one"));
    }
    Ok(())
}

fn periods(file: &TreatyFile) -> Result<Periods, TreatyError> {
    let hint = "give `rationale`, `first_start`, `length` and `report_within`";
    let periods = article(file.periods.clone(), "periods", hint)?;
    text("periods.rationale", &periods.rationale)?;
    let length_ms = span("periods.length", periods.length, 500, 366 * DAY_MS)?;
    let longest = length_ms.saturating_mul(MAX_DUE_PERIODS).min(366 * DAY_MS);
    Ok(Periods {
        length_ms,
        report_within_ms: span("periods.report_within", periods.report_within, 1, longest)?,
        rationale: periods.rationale,
        first_start: periods.first_start,
        capacity: periods.capacity.map(capacity).transpose()?,
    })
}

fn capacity(file: CapacityFile) -> Result<Capacity, TreatyError> {
    text("periods.capacity.text", &file.text)?;
    let number = |key: &str, value: &str| {
        let given = value.parse::<Flop>().ok().filter(|flop| flop.0 > 0);
        given
            .ok_or_else(|| out_of_range(format!("periods.capacity.{key}"), "a whole number above 0 such as \"989e12\""))
    };
    let peak = number("flop_per_second", &file.flop_per_second)?;
    let beyond = |_| out_of_range("periods.capacity.flop_per_second", "below 2^64 FLOP/s for one accelerator");
    if file.chips == 0 {
        return Err(out_of_range("periods.capacity.chips", "at least 1"));
    }
    Ok(Capacity {
        chips: file.chips,
        flop_per_second: u64::try_from(peak.0).map_err(beyond)?,
        utilisation: share("periods.capacity.utilisation_ppm", file.utilisation_ppm)?,
        threshold: number("threshold", &file.threshold)?,
        text: file.text,
    })
}

fn clocks(file: &TreatyFile) -> Result<Clocks, TreatyError> {
    let hint = "give `heartbeat`, `max_skew` and `outage_heartbeats`";
    let clocks = article(file.clocks.clone(), "clocks", hint)?;
    text("clocks.text", &clocks.text)?;
    if clocks.outage_heartbeats == 0 {
        return Err(out_of_range("clocks.outage_heartbeats", "at least 1"));
    }
    Ok(Clocks {
        heartbeat_ms: span("clocks.heartbeat", clocks.heartbeat, 100, DAY_MS)?,
        max_skew_ms: span("clocks.max_skew", clocks.max_skew, 1, DAY_MS)?,
        outage_heartbeats: clocks.outage_heartbeats,
        text: clocks.text,
    })
}

/// A stall that is no outage extends nothing, so it must be too short to make a lab late.
fn check_outage(clocks: &Clocks, periods: &Periods) -> Result<(), TreatyError> {
    let outage_ms = clocks.heartbeat_ms.saturating_mul(u64::from(clocks.outage_heartbeats));
    let report_within_ms = periods.report_within_ms;
    if outage_ms > report_within_ms {
        return Err(TreatyError::OutageAboveDeadline { outage_ms, report_within_ms });
    }
    Ok(())
}

fn response(file: &TreatyFile) -> Result<Response, TreatyError> {
    let hint = "give the ladder's clocks: `acknowledge`, `clarify`, `inspect`";
    let response = article(file.response.clone(), "response", hint)?;
    text("response.text", &response.text)?;
    Ok(Response {
        acknowledge_ms: span("response.acknowledge", response.acknowledge, 1, 366 * DAY_MS)?,
        clarify_ms: span("response.clarify", response.clarify, 1, 366 * DAY_MS)?,
        inspect_ms: span("response.inspect", response.inspect, 1, 366 * DAY_MS)?,
        text: response.text,
    })
}

fn voting(file: &TreatyFile) -> Result<Voting, TreatyError> {
    let voting = article(file.voting.clone(), "voting", "give `amendment_ppm` and `confirmation_ppm`")?;
    text("voting.text", &voting.text)?;
    Ok(Voting {
        amendment: share("voting.amendment_ppm", voting.amendment_ppm)?,
        confirmation: share("voting.confirmation_ppm", voting.confirmation_ppm)?,
        text: voting.text,
    })
}

fn entry_into_force(file: &TreatyFile, members: &[Member]) -> Result<EntryIntoForce, TreatyError> {
    let hint = "name the `parties` that must sign, and their `registered_compute_ppm`";
    let entry = article(file.entry_into_force.clone(), "entry_into_force", hint)?;
    text("entry_into_force.text", &entry.text)?;
    count("entry_into_force.parties", entry.parties.len(), 1, MAX_MEMBERS)?;
    known("entry_into_force.parties", &entry.parties, members)?;
    let registered_compute = share("entry_into_force.registered_compute_ppm", entry.registered_compute_ppm)?;
    Ok(EntryIntoForce { text: entry.text, parties: entry.parties, registered_compute })
}

fn known(article: &str, names: &BTreeSet<Name>, members: &[Member]) -> Result<(), TreatyError> {
    let stranger = names.iter().find(|name| members.binary_search_by(|member| member.id.cmp(name)).is_err());
    match stranger {
        None => Ok(()),
        Some(name) => Err(TreatyError::Unknown { article: article.to_owned(), name: name.clone(), among: "members" }),
    }
}

fn amendment(file: &TreatyFile) -> Result<Amendment, TreatyError> {
    let hint = "give `notice`, `provisional_lapse` and `review`";
    let amendment = article(file.amendment.clone(), "amendment", hint)?;
    text("amendment.text", &amendment.text)?;
    Ok(Amendment {
        notice_ms: span("amendment.notice", amendment.notice, 0, 3660 * DAY_MS)?,
        provisional_lapse_ms: span("amendment.provisional_lapse", amendment.provisional_lapse, 1, 366 * DAY_MS)?,
        review_ms: span("amendment.review", amendment.review, 1, 3660 * DAY_MS)?,
        text: amendment.text,
    })
}

fn withdrawal(file: &TreatyFile) -> Result<Withdrawal, TreatyError> {
    let withdrawal = article(file.withdrawal.clone(), "withdrawal", "give the `notice` that a leaving member owes")?;
    text("withdrawal.text", &withdrawal.text)?;
    let notice_ms = span("withdrawal.notice", withdrawal.notice, 1, 3660 * DAY_MS)?;
    Ok(Withdrawal { notice_ms, text: withdrawal.text })
}

fn challenges(file: &TreatyFile) -> Result<Challenges, TreatyError> {
    let hint = "give `detection_ppm`, `per_period` and `inspections_per_year`";
    let challenges = article(file.challenges.clone(), "challenges", hint)?;
    text("challenges.text", &challenges.text)?;
    Ok(Challenges {
        detection: share("challenges.detection_ppm", challenges.detection_ppm)?,
        per_period: challenges.per_period,
        inspections_per_year: challenges.inspections_per_year,
        text: challenges.text,
    })
}

fn counting(file: &TreatyFile) -> Result<Counting, TreatyError> {
    let hint = "give the counting `rules`, `tolerance_ppm` and the `chip_table`'s SHA-256";
    let counting = article(file.counting.clone(), "counting", hint)?;
    text("counting.text", &counting.text)?;
    count("counting.rules", counting.rules.len(), 1, 16)?;
    counting.rules.iter().try_for_each(|rule| text("counting.rules", rule))?;
    let tolerance = share("counting.tolerance_ppm", counting.tolerance_ppm)?;
    let chip_table = counting.chip_table.unwrap_or(Hash::ZERO);
    Ok(Counting { text: counting.text, rules: counting.rules, tolerance, chip_table })
}

fn hardware(file: &TreatyFile) -> Result<Option<Hardware>, TreatyError> {
    let Some(hardware) = file.hardware.clone() else { return Ok(None) };
    text("hardware.text", &hardware.text)?;
    let roots = [("nvidia", &hardware.nvidia), ("amd", &hardware.amd), ("intel", &hardware.intel)];
    for (vendor, roots) in roots {
        count(&format!("hardware.{vendor}"), roots.len(), 0, 16)?;
    }
    let super::file::HardwareFile { text, nvidia, amd, intel } = hardware;
    Ok(Some(Hardware { text, nvidia, amd, intel }))
}

type Defaults = BTreeMap<Name, toml::Table>;

fn clauses(file: &TreatyFile) -> Result<(Vec<Clause>, Defaults), TreatyError> {
    let hint = "list the rules, each with `module`, `subgoal`, `partition`, `text` and `source`";
    let listed = article(file.clauses.as_ref(), "clauses", hint)?;
    count("clauses", listed.len(), 1, MAX_CLAUSES)?;
    let mut defaults = Defaults::new();
    let mut clauses = Vec::new();
    for clause in listed {
        if defaults.insert(clause.id.clone(), clause.parameters.clone()).is_some() {
            return Err(TreatyError::Duplicate { article: "clauses", name: clause.id.clone() });
        }
        clauses.push(Clause {
            id: clause.id.clone(),
            title: clause.title.clone(),
            text: clause.text.clone(),
            source: clause.source.clone(),
            subgoal: clause.subgoal,
            module: clause.module,
            partition: clause.partition,
            obligation: clause.obligation.clone(),
        });
    }
    Ok((clauses, defaults))
}

fn phases(file: &TreatyFile, members: &[Member], defaults: &Defaults) -> Result<Vec<Phase>, TreatyError> {
    let hint = "list them mildest first: what triggers each, what lifts it, who adjudicates";
    let listed = article(file.phases.as_ref(), "phases", hint)?;
    count("phases", listed.len(), 1, MAX_PHASES)?;
    let mut names = BTreeSet::new();
    let mut phases = Vec::new();
    for (index, phase) in listed.iter().enumerate() {
        let conditions = phase.triggers.iter().chain(&phase.lifts).map(|condition| &condition.id);
        for name in conditions.chain([&phase.id]) {
            if !names.insert(name.clone()) {
                return Err(TreatyError::Duplicate { article: "phases", name: name.clone() });
            }
        }
        phases.push(self::phase(phase, index == 0, members, defaults)?);
    }
    Ok(phases)
}

fn phase(file: &PhaseFile, first: bool, members: &[Member], defaults: &Defaults) -> Result<Phase, TreatyError> {
    let article = format!("phases.{}", file.id);
    let least = usize::from(!first);
    let most = if first { 0 } else { MAX_CONDITIONS };
    count(&format!("{article}.triggers"), file.triggers.len(), least, most)?;
    count(&format!("{article}.lifts"), file.lifts.len(), least, most)?;
    let mut clauses = BTreeMap::new();
    for in_force in &file.clauses {
        let parameters = merged(in_force, &article, defaults)?;
        if clauses.insert(in_force.clause.clone(), parameters).is_some() {
            return Err(TreatyError::Duplicate { article: "phases.clauses", name: in_force.clause.clone() });
        }
    }
    Ok(Phase {
        id: file.id.clone(),
        title: file.title.clone(),
        text: file.text.clone(),
        triggers: file.triggers.clone(),
        lifts: file.lifts.clone(),
        adjudicators: adjudicators(file.adjudicators.as_ref(), first, &article, members)?,
        clauses,
    })
}

/// The first phase is what lifting the others leads back to: nobody votes it in, so it may name nobody.
fn adjudicators(
    file: Option<&AdjudicatorsFile>,
    first: bool,
    article: &str,
    members: &[Member],
) -> Result<Adjudicators, TreatyError> {
    let Some(file) = file else {
        let nobody = Adjudicators { text: String::new(), members: BTreeSet::new(), enter: Ppm::ONE, lift: Ppm::ONE };
        let hint = "each phase but the first says who adjudicates: `roles` or `members`, `enter_ppm`, `lift_ppm`";
        return if first { Ok(nobody) } else { Err(TreatyError::Missing { article: "phases.adjudicators", hint }) };
    };
    let article = format!("{article}.adjudicators");
    known(&article, &file.members, members)?;
    let by_role = members.iter().filter(|member| !member.roles.is_disjoint(&file.roles)).map(|member| &member.id);
    let resolved: BTreeSet<_> = by_role.chain(&file.members).cloned().collect();
    count(&article, resolved.len(), 1, MAX_MEMBERS)?;
    let enter = share(&format!("{article}.enter_ppm"), file.enter_ppm)?;
    let lift = share(&format!("{article}.lift_ppm"), file.lift_ppm)?;
    Ok(Adjudicators { text: file.text.clone(), members: resolved, enter, lift })
}

fn merged(in_force: &InForceFile, article: &str, defaults: &Defaults) -> Result<Parameters, TreatyError> {
    let clause = &in_force.clause;
    let unknown =
        || TreatyError::Unknown { article: format!("{article}.clauses"), name: clause.clone(), among: "clauses" };
    let mut table = defaults.get(clause).ok_or_else(unknown)?.clone();
    table.extend(in_force.parameters.clone());
    let refused = |source| TreatyError::Parameters { clause: clause.clone(), source };
    let values = table.iter().map(|(key, value)| Ok((key.clone(), parameter(key, value)?)));
    let values: Result<BTreeMap<_, _>, ParameterError> = values.collect();
    values.and_then(Parameters::new).map_err(refused)
}

fn parameter(key: &str, value: &toml::Value) -> Result<Value, ParameterError> {
    let refused = |reason: &str| ParameterError::BadValue { key: key.to_owned(), reason: reason.to_owned() };
    match value {
        toml::Value::Integer(value) => {
            u64::try_from(*value).map(Value::Integer).map_err(|_| refused("an integer is not negative"))
        }
        toml::Value::String(text) => Value::parse(text)
            .ok_or_else(|| refused("what begins with a digit is a FLOP count (\"1e26\") or a duration (\"36h\")")),
        _ => Err(refused("an integer or a string is expected")),
    }
}
