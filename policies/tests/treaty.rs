//! Treaties: what is shipped reads, what is incomplete is refused by name, what is rendered keeps its words.

use standstill_policies::treaty::{PAUSE_OPTION, SHIPPED, START, Span, votes_needed};
use standstill_policies::{Host, Limits, Outcome, Parameters, Treaty, TreatyError, TreatyTemplate, Value};
use standstill_protocol::units::{Flop, Ppm, Timestamp};

fn shipped() -> String {
    String::from_utf8(PAUSE_OPTION.to_vec()).unwrap()
}

fn refusal(text: &str) -> TreatyError {
    Treaty::parse(text.as_bytes()).unwrap_err()
}

#[test]
fn the_shipped_treaty_reads_without_a_remark() {
    let treaty = Treaty::parse(PAUSE_OPTION).unwrap();
    assert_eq!(treaty.lint(), []);
    assert_eq!(
        treaty.phases.iter().map(|phase| phase.id.as_str()).collect::<Vec<_>>(),
        ["monitoring", "slowdown", "pause"]
    );
    assert_eq!(treaty.validators().unwrap().len(), 7);
    assert_eq!(treaty.phases[1].adjudicators.members.len(), 3);
}

#[test]
fn every_clause_of_every_shipped_treaty_is_shipped_and_starts_under_every_phase() {
    let host = Host::new(Limits::V1).unwrap();
    for (name, bytes) in SHIPPED.into_iter().chain([("start", START)]) {
        let treaty = Treaty::parse(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        for phase in &treaty.phases {
            for (clause, parameters) in &phase.clauses {
                let hash = treaty.clause(clause.as_str()).unwrap().module;
                let module = standstill_policies::shipped::by_hash(&hash)
                    .unwrap_or_else(|| panic!("{name}: {clause} is not shipped"));
                let run = host.run(&host.admit(module).unwrap(), parameters, None, &[], None).unwrap();
                assert_eq!(run.outcome, Outcome::Ok, "{name}: {clause} in {}", phase.id);
            }
        }
    }
}

#[test]
fn the_treaty_is_dormant_until_a_phase_is_voted_into_force() {
    let treaty = Treaty::parse(PAUSE_OPTION).unwrap();
    assert!(treaty.parameters("reporting", "monitoring").is_some());
    assert_eq!(treaty.parameters("run-cap", "monitoring"), None);
    let cap = |phase| treaty.parameters("run-cap", phase).unwrap().values()["cap"].clone();
    assert_eq!(cap("slowdown"), Value::Flop(Flop(10u128.pow(25))));
    assert_eq!(cap("pause"), Value::Flop(Flop(10u128.pow(24))));
}

#[test]
fn a_phase_overrides_parameters_and_keeps_the_others() {
    let treaty = Treaty::parse(PAUSE_OPTION).unwrap();
    let values = treaty.parameters("reporting", "pause").unwrap().values().clone();
    assert_eq!(values["missing_violated_after"], Value::Integer(2));
    assert_eq!(values["late_tolerance"], Value::Integer(12 * 3_600_000));
    assert_eq!(values["late_verdict"], Value::Text("undecided".to_owned()));
}

#[test]
fn every_missing_article_is_named_with_a_hint() {
    let table: toml::Table = shipped().parse().unwrap();
    let articles = [
        "periods",
        "clocks",
        "response",
        "counting",
        "voting",
        "entry_into_force",
        "amendment",
        "withdrawal",
        "challenges",
        "clauses",
        "phases",
        "members",
    ];
    for wanted in articles {
        let mut without = table.clone();
        without.remove(wanted);
        match refusal(&toml::to_string(&without).unwrap()) {
            TreatyError::Missing { article, hint } => {
                assert_eq!(article, wanted);
                assert!(hint.len() > 10);
            }
            other => panic!("{wanted}: {other}"),
        }
    }
}

#[test]
fn a_phase_without_adjudicators_triggers_or_lifts_is_refused() {
    let table: toml::Table = shipped().parse().unwrap();
    for part in ["adjudicators", "triggers", "lifts"] {
        let mut without = table.clone();
        let phase = without["phases"].as_array_mut().unwrap()[1].as_table_mut().unwrap();
        phase.remove(part);
        let error = refusal(&toml::to_string(&without).unwrap()).to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn what_a_treaty_must_not_say_is_refused_by_name() {
    let cases: [(&str, &str, &str); 17] = [
        ("name = \"pause-option\"", "name = \"pause-option\"\nsurprise = 1", "surprise"),
        ("standstill.treaty/1", "standstill.treaty/9", "format"),
        ("length = \"7d\"", "length = \"1ms\"", "periods.length"),
        ("length = \"7d\"", "length = \"7 weeks\"", "duration"),
        ("length = \"7d\"", "length = \"44m\"", "periods.report_within"),
        ("chips = 100000", "chips = 0", "periods.capacity.chips"),
        ("\"989e12\"", "\"1e20\"", "periods.capacity.flop_per_second"),
        ("threshold = \"1e26\"", "threshold = \"much\"", "periods.capacity.threshold"),
        ("utilisation_ppm = 400000", "utilisation_ppm = 0", "periods.capacity.utilisation_ppm"),
        ("outage_heartbeats = 10", "outage_heartbeats = 2881", "outage_heartbeats"),
        ("tolerance_ppm = 300000", "tolerance_ppm = 1000001", "counting.tolerance_ppm"),
        ("id = \"lab-b\"", "id = \"lab-a\"", "used twice"),
        ("clause = \"run-cap\"", "clause = \"runcap\"", "runcap"),
        ("parties = [\"lab-a\"", "parties = [\"lab-z\"", "lab-z"),
        ("cap = \"1e24\"", "cap = \"1e39\"", "FLOP"),
        ("cap = \"1e24\"", "cap = 1.5", "integer or a string"),
        ("id = \"verified-stop\"", "id = \"safety-case\"", "used twice"),
    ];
    for (from, to, names) in cases {
        let text = shipped();
        assert!(text.contains(from), "{from}");
        let error = refusal(&text.replacen(from, to, 1)).to_string();
        assert!(error.contains(names), "{to}: {error}");
    }
}

#[test]
fn a_key_has_one_use_and_is_a_point() {
    let treaty = Treaty::parse(PAUSE_OPTION).unwrap();
    let first = treaty.member("lab-a").unwrap().statement_keys[0].to_string();
    let second = treaty.member("lab-b").unwrap().statement_keys[0].to_string();
    assert!(matches!(refusal(&shipped().replace(&second, &first)), TreatyError::BadKey { .. }));
    assert!(matches!(refusal(&shipped().replace(&second, &"0".repeat(64))), TreatyError::BadKey { .. }));
}

#[test]
fn one_changed_byte_is_another_chain() {
    let treaty = Treaty::parse(PAUSE_OPTION).unwrap();
    let other = Treaty::parse(shipped().replacen("weeks", "Weeks", 1).as_bytes()).unwrap();
    assert_ne!(treaty.hash, other.hash);
    assert_ne!(treaty.chain_id, other.chain_id);
}

#[test]
fn a_rendered_treaty_keeps_every_word_and_says_what_was_changed() {
    let original = Treaty::parse(PAUSE_OPTION).unwrap();
    let start = Timestamp::parse("2030-01-01T00:00:00Z").unwrap();
    let members: Vec<_> = original.members.iter().filter(|member| member.id.as_str() != "lab-d").cloned().collect();
    let (treaty, bytes) = TreatyTemplate::pause_option()
        .genesis_time(start)
        .members(members)
        .periods(start, Span::parse("5s").unwrap(), Span::parse("2s").unwrap())
        .clocks(Span(400), Span(500), 5)
        .parameter("run-cap", Some("slowdown"), "cap", Value::Flop(Flop(123_000)))
        .parameter("reporting", None, "missing_violated_after", Value::Integer(9))
        .render("A rehearsal: short periods, a small cap")
        .unwrap();
    assert_eq!(Treaty::parse(&bytes).unwrap().hash, treaty.hash);
    assert_eq!(treaty.adaptation.as_deref(), Some("A rehearsal: short periods, a small cap"));
    assert_eq!(treaty.periods.rationale, original.periods.rationale);
    assert_eq!(treaty.text, original.text);
    for (phase, before) in treaty.phases.iter().zip(&original.phases) {
        assert_eq!((&phase.text, &phase.triggers, &phase.lifts), (&before.text, &before.triggers, &before.lifts));
    }
    let cap = treaty.parameters("run-cap", "slowdown").unwrap().values()["cap"].clone();
    assert_eq!(cap, Value::Flop(Flop(123_000)));
    let after = |phase| treaty.parameters("reporting", phase).unwrap().values()["missing_violated_after"].clone();
    assert_eq!((after("monitoring"), after("pause")), (Value::Integer(9), Value::Integer(2)));
    assert_eq!(treaty.entry_into_force.parties.len(), 3);
}

#[test]
fn a_template_names_a_clause_that_it_cannot_find() {
    let template = TreatyTemplate::pause_option().parameter("run-cap", Some("monitoring"), "cap", Value::Integer(1));
    assert!(template.render("x").unwrap_err().to_string().contains("monitoring"));
}

#[test]
fn moves_between_phases_are_decided_by_the_harsher_one() {
    let treaty = Treaty::parse(PAUSE_OPTION).unwrap();
    assert_eq!(treaty.phase_rule("monitoring", "slowdown").unwrap().votes, 2);
    assert_eq!(treaty.phase_rule("slowdown", "monitoring").unwrap().votes, 3);
    assert_eq!(treaty.phase_rule("slowdown", "slowdown"), None);
    assert_eq!(treaty.phase_rule("slowdown", "nothing"), None);
    let needed = |members, ppm| votes_needed(members, Ppm(ppm));
    assert_eq!([needed(3, 666_666), needed(3, 666_667), needed(9, 500_001), needed(0, 1)], [2, 3, 5, 1]);
}

#[test]
fn shares_of_the_shipped_treaty_are_the_fractions_that_its_text_names() {
    for members in 1..=512usize {
        assert_eq!(votes_needed(members, Ppm(666_666)), (2 * members).div_ceil(3), "two thirds of {members}");
        assert_eq!(votes_needed(members, Ppm(750_000)), (3 * members).div_ceil(4), "three quarters of {members}");
        assert_eq!(votes_needed(members, Ppm(500_001)), members / 2 + 1, "more than half of {members}");
    }
    let treaty = Treaty::parse(PAUSE_OPTION).unwrap();
    assert_eq!((treaty.voting.amendment, treaty.voting.confirmation), (Ppm(666_666), Ppm(500_001)));
}

#[test]
fn a_stall_that_is_no_outage_is_shorter_than_the_time_to_report() {
    let text = shipped().replacen("outage_heartbeats = 10", "outage_heartbeats = 2880", 1);
    assert!(Treaty::parse(text.as_bytes()).is_ok());
    let text = shipped().replacen("outage_heartbeats = 10", "outage_heartbeats = 2881", 1);
    let (outage_ms, report_within_ms) = (2881 * 60_000, 2880 * 60_000);
    assert_eq!(refusal(&text), TreatyError::OutageAboveDeadline { outage_ms, report_within_ms });
}

#[test]
fn periods_cover_time_without_gap_or_overlap() {
    let periods = Treaty::parse(PAUSE_OPTION).unwrap().periods;
    for index in 0..200 {
        let period = periods.period(index);
        assert_eq!(period.end, periods.period(index + 1).start);
        assert_eq!(periods.index_at(period.start), Some(index));
        assert_eq!(periods.index_at(Timestamp(period.end.0 - 1)), Some(index));
        assert_eq!(period.due.since(period.end), periods.report_within_ms);
    }
    assert_eq!(periods.index_at(Timestamp(0)), None);
}

#[test]
fn parameters_have_one_byte_form() {
    let values = [
        ("cap".to_owned(), Value::Flop(Flop(7))),
        ("after".to_owned(), Value::Integer(3)),
        ("shape".to_owned(), Value::Text("decaying".to_owned())),
    ];
    let parameters = Parameters::new(values.into_iter().collect()).unwrap();
    let mut expected = b"\x05after\x01\x03\0\0\0\0\0\0\0\x03cap\x02\x07".to_vec();
    expected.extend([0; 15]);
    expected.extend(b"\x05shape\x03\x08decaying");
    assert_eq!(parameters.bytes(), expected);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let _ = Treaty::parse(&bytes);
    }

    #[test]
    fn no_damage_to_a_treaty_makes_the_reader_panic(at in 0usize..PAUSE_OPTION.len(), byte in proptest::num::u8::ANY) {
        let mut bytes = PAUSE_OPTION.to_vec();
        bytes[at] = byte;
        let _ = Treaty::parse(&bytes);
    }
}
