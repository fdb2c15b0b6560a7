//! The report page: complete in itself, without scripts, each verdict a letter and a word and not only a colour.

use standstill_attestations::Interval;
use standstill_policies::Verdict;
use standstill_protocol::hash::Hash;
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::{Flop, Timestamp};
use standstill_testnet::report::*;

const GENESIS: Timestamp = Timestamp(1_800_000_000_000);
const CLAUSES: [(&str, &str, &str); 3] = [
    ("reporting", "Every lab reports its training compute", "2A"),
    ("run-cap", "No training run above the cap", "1A"),
    ("slowdown", "A lab's training compute stays on the schedule", "2A"),
];

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn at(millis: u64) -> Timestamp {
    GENESIS.plus(millis)
}

fn lab(letter: char, deed: &str) -> LabStory {
    LabStory {
        id: name(&format!("lab-{letter}")),
        title: format!("Lab {}", letter.to_ascii_uppercase()),
        deed: deed.to_owned(),
    }
}

fn claims() -> Vec<Claim> {
    let steps: [(&str, &[u128]); 4] = [
        ("lab-a", &[6_149_898_240, 12_299_796_480, 12_299_796_480]),
        ("lab-b", &[0, 6_149_898_240, 12_299_796_480]),
        ("lab-c", &[6_149_898_240, 12_299_796_480, 24_599_592_960]),
        ("lab-d", &[6_149_898_240, 12_299_796_480]),
    ];
    let mut claims = Vec::new();
    for (member, sums) in steps {
        for (period, sum) in sums.iter().enumerate() {
            let before = period.checked_sub(1).map_or(0, |before| sums[before]);
            claims.push(Claim {
                lab: name(member),
                period: period as u32,
                at: at(2_500 + 6_000 * period as u64),
                incremental: Interval::exact(Flop(sum - before)),
                cumulative: Interval::exact(Flop(*sum)),
                index: 3 + 5 * period as u64,
                source: "trainer_state.json",
            });
        }
    }
    claims
}

fn cells(labs: &[LabStory]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for lab in labs {
        for (clause, ..) in CLAUSES {
            for period in 0..3 {
                if clause != "reporting" && period == 0 {
                    continue;
                }
                let (verdict, text) = match (lab.id.as_str(), clause, period) {
                    ("lab-c", "run-cap", 2) => {
                        (Verdict::Violated, "run `aurora` reached 2.46e10 FLOP, the cap is 2e10 FLOP")
                    }
                    ("lab-c", "slowdown", 2) => {
                        (Verdict::Violated, "1.23e10 FLOP in the period, the schedule allows 8e9")
                    }
                    ("lab-d", "reporting", 2) => (Verdict::Undecided, "no report came by the deadline"),
                    ("lab-d", "slowdown", 2) => (Verdict::Undecided, "no report came by the deadline"),
                    _ => (Verdict::Holds, ""),
                };
                let evidence = if verdict == Verdict::Violated { vec![17] } else { vec![] };
                cells.push(Cell {
                    lab: lab.id.clone(),
                    clause: clause.to_owned(),
                    period,
                    verdict,
                    text: text.to_owned(),
                    evidence,
                });
            }
        }
    }
    cells
}

fn moments() -> Vec<Moment> {
    let moment = |millis, height, index, mark, who: &str, what: &str| Moment {
        at: at(millis),
        height: Some(height),
        index,
        mark,
        who: who.to_owned(),
        what: what.to_owned(),
    };
    vec![
        moment(100, 1, None, Mark::Note, "the ledger", "began, in phase monitoring"),
        moment(
            2_500,
            5,
            Some(3),
            Mark::Statement,
            "lab-a",
            "reports 6.15e9 FLOP for period 0, from trainer_state.checkpoint-10.json",
        ),
        moment(
            7_000,
            15,
            Some(9),
            Mark::Vote,
            "regulator-east",
            "votes for the slowdown: a training script ran 52 times faster",
        ),
        moment(7_900, 17, None, Mark::Phase, "the treaty", "moves from monitoring to slowdown"),
        moment(14_500, 30, Some(17), Mark::Breach, "lab-c", "is judged violated under run-cap for period 2"),
        moment(21_500, 44, None, Mark::Silence, "lab-d", "did not report for period 2: undecided"),
    ]
}

fn story() -> Story {
    let labs = vec![
        lab('a', "trained to twelve billion operations, reported each step, and stopped when the slowdown came."),
        lab('b', "went slower, and went on below the cap and the schedule."),
        lab('c', "resumed its run after the slowdown, and reported it: the cap was crossed under its own signature."),
        lab('d', "reported twice, and then said nothing."),
    ];
    let node = |lab: &LabStory| NodeEnd {
        member: MemberId::clone(&lab.id),
        height: 46,
        state_root: Hash::sha256(b"root").to_string(),
        verdicts: 28,
    };
    Story {
        treaty: TreatyFacts {
            title: "An option to slow down or pause frontier training together".to_owned(),
            hash: Hash::sha256(b"treaty"),
            chain_id: Hash::sha256(b"chain"),
            genesis: GENESIS,
        },
        clauses: CLAUSES
            .map(|(id, title, subgoal)| ClauseStory { id: id.to_owned(), title: title.to_owned(), subgoal })
            .to_vec(),
        periods: (0..3)
            .map(|index| PeriodStory {
                index,
                start: at(6_000 * u64::from(index)),
                end: at(6_000 * u64::from(index + 1)),
                due: at(6_000 * u64::from(index + 1) + 3_000),
            })
            .collect(),
        cells: cells(&labs),
        claims: claims(),
        caps: vec![CapStep { at: GENESIS, cap: None }, CapStep { at: at(7_900), cap: Some(Flop(20_000_000_000)) }],
        moments: moments(),
        nodes: labs.iter().map(node).collect(),
        verified: Verification {
            file: "bundle.standstill".to_owned(),
            sha256: Hash::sha256(b"bundle"),
            screen: "bundle     bundle.standstill   sha256 4f1c…9a20   21 records   heights 1 to 46\n\nVIOLATED   2 clauses for 1 lab. Integrity holds.   exit 20".to_owned(),
            exit: 20,
        },
        tampered: Tampering { offset: 4711, from: 0x5a, to: 0x5b, reason: "frame 12 does not hash to its digest".to_owned(), exit: 10 },
        labs,
    }
}

#[test]
fn the_page_is_one_file_without_scripts_or_references_to_elsewhere() {
    let page = story().to_html();
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("report.html");
    std::fs::write(&path, &page).unwrap();
    for word in ["<script", "http://", "https://", "src=", "<link", "url(", "@import"] {
        let elsewhere = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!elsewhere.contains(word), "`{word}` in the page");
    }
    assert!(page.starts_with("<!DOCTYPE html>"));
    assert!(!page.contains("could not be drawn"));
}

#[test]
fn every_verdict_is_a_letter_and_a_word_beside_its_colour() {
    let page = story().to_html();
    for (verdict, letter) in [("holds", "H"), ("undecided", "U"), ("violated", "V")] {
        assert!(page.contains(&format!("aria-label=\"{verdict}\"")));
        assert!(page.contains(&format!(">{letter}</text>")));
    }
}

#[test]
fn a_period_without_a_report_is_drawn_and_is_not_a_zero() {
    let page = story().to_html();
    assert!(page.contains("0 reported"), "a report of zero is shown as such");
    assert_eq!(page.matches("no report\n</text>").count() + page.matches("no report</text>").count(), 1);
}

#[test]
fn the_cap_is_drawn_for_every_lab_in_the_pages_colours() {
    let page = story().to_html();
    assert_eq!(page.matches("cap 2e10").count(), 4);
    assert!(page.contains("stroke:var(--violated)"));
    assert!(!page.contains("#050505"), "no colour of plotters is left");
}
