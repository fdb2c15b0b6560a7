//! The HTML around the pictures.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use standstill_policies::Verdict;
use standstill_protocol::member::MemberId;
use standstill_protocol::units::Timestamp;

use super::chart::{self, Axes};
use super::{Mark, Moment, Story, seconds};

const STYLE: &str = include_str!("style.css");

pub(super) fn render(story: &Story) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Standstill: " (story.treaty.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (opening(story))
                (matrix(story))
                (charts(story))
                (timeline(story))
                (agreement(story))
                (limits())
                (verification(story))
                (ending(story))
            }
        }
    };
    page.into_string()
}

fn opening(story: &Story) -> Markup {
    let named = |verdict: Verdict| {
        let labs = story.labs.iter().filter(|lab| worst(story, &lab.id) == Some(verdict));
        labs.map(|lab| lab.title.as_str()).collect::<Vec<_>>()
    };
    html! {
        header {
            p.kicker { "Standstill · report of a demonstration" }
            h1 { "Four labs agreed to slow down. One did not, one fell silent, and all of them can prove it." }
            p.lede {
                "Each lab ran a node of its own. The nodes agreed on one ledger of signed statements, and the treaty’s clauses were "
                "judged over it. Everything on this page was checked again, offline, from one file: "
                code { (story.verified.file) } "."
            }
            div.banner {
                @for verdict in [Verdict::Violated, Verdict::Undecided, Verdict::Holds] {
                    div class=(verdict.as_str()) {
                        b { (verdict) }
                        span { (sentence(verdict, &named(verdict))) }
                    }
                }
            }
        }
        section.prose {
            h2 { "What happened" }
            @for lab in &story.labs {
                p { b { (lab.title) } " " (lab.deed) }
            }
            p.note {
                "The runs are real but tiny: a small model trained with the Hugging Face Trainer, imported from the files that "
                "the trainer wrote. Caps and periods are scaled to them: a treaty in force says 10²⁵ FLOP and weeks where "
                "this one says 10¹⁰ and seconds. Nothing else is scaled: nodes, consensus, signatures, clauses and checks are those of a real ledger."
            }
        }
    }
}

fn sentence(verdict: Verdict, labs: &[&str]) -> String {
    match (verdict, labs) {
        (_, []) => "Nobody.".to_owned(),
        (Verdict::Holds, labs) => format!("{} kept every clause in every period.", list(labs)),
        (Verdict::Undecided, labs) => {
            format!("{} did not report. Silence is never compliance, and it is no proof of a breach.", list(labs))
        }
        (Verdict::Violated, labs) => {
            format!("{} stated more compute than the treaty allows, under its own signature.", list(labs))
        }
    }
}

fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

fn worst(story: &Story, lab: &MemberId) -> Option<Verdict> {
    story.clauses.iter().filter_map(|clause| story.joined(lab, &clause.id)).max()
}

/// A letter inside a shape: a circle holds, an open square is undecided, a diamond is violated.
fn symbol(verdict: Option<Verdict>) -> Markup {
    let (shape, letter, ink) = match verdict {
        Some(Verdict::Holds) => (r#"<circle cx="10" cy="10" r="8.6" fill="currentColor"/>"#, "H", "var(--paper)"),
        Some(Verdict::Undecided) => (
            r#"<rect x="2.4" y="2.4" width="15.2" height="15.2" rx="2" fill="none" stroke="currentColor" stroke-width="2"/>"#,
            "U",
            "currentColor",
        ),
        Some(Verdict::Violated) => (r#"<path d="M10 0 20 10 10 20 0 10Z" fill="currentColor"/>"#, "V", "var(--paper)"),
        None => (r#"<path d="M4 10h12" stroke="currentColor" stroke-width="1.6"/>"#, "", "currentColor"),
    };
    let name = verdict.map_or("not in force", Verdict::as_str);
    html! {
        svg viewBox="0 0 20 20" role="img" aria-label=(name) {
            title { (name) }
            (PreEscaped(shape))
            text x="10" y="13.6" text-anchor="middle" font-size="10" font-weight="700" font-family="system-ui, sans-serif" style={ "fill:" (ink) } { (letter) }
        }
    }
}

fn class(verdict: Option<Verdict>) -> &'static str {
    verdict.map_or("unjudged", Verdict::as_str)
}

fn matrix(story: &Story) -> Markup {
    html! {
        section {
            h2 { "Who kept what" }
            p.note { "The large mark is the worst verdict over all periods; the small ones are period by period." }
            div.scroll { table.matrix {
                thead { tr {
                    th { "Lab" }
                    @for clause in &story.clauses {
                        th { (clause.title) small { code { (clause.id) } " · goal " (clause.subgoal) } }
                    }
                } }
                tbody { @for lab in &story.labs { tr {
                    td { b { (lab.title) } small { code { (lab.id) } } }
                    @for clause in &story.clauses { td { (judgement(story, &lab.id, &clause.id)) } }
                } } }
            } }
            div.legend {
                @for (verdict, meaning) in [
                    (Some(Verdict::Holds), "holds: the evidence shows that the rule was kept"),
                    (Some(Verdict::Undecided), "undecided: the evidence does not say"),
                    (Some(Verdict::Violated), "violated: the evidence shows that it was broken"),
                    (None, "not in force"),
                ] {
                    span class=(class(verdict)) { (symbol(verdict)) (meaning) }
                }
            }
        }
    }
}

fn judgement(story: &Story, lab: &MemberId, clause: &str) -> Markup {
    let joined = story.joined(lab, clause);
    let mut judged = story.cells.iter().filter(|cell| cell.lab == *lab && cell.clause == clause);
    let reason = judged.rfind(|cell| Some(cell.verdict) == joined && cell.verdict != Verdict::Holds);
    html! {
        span class={ "cell " (class(joined)) } { (symbol(joined)) (joined.map_or("not in force", Verdict::as_str)) }
        div.strip {
            @for period in &story.periods {
                @let verdict = story.cell(lab, clause, period.index).map(|cell| cell.verdict);
                span class=(class(verdict)) title={ "period " (period.index) } { (symbol(verdict)) }
            }
        }
        @if let Some(cell) = reason {
            span.why {
                "Period " (cell.period) ": " (cell.text)
                @if !cell.evidence.is_empty() { " (" (references(&cell.evidence)) ")" }
            }
        }
    }
}

fn references(indices: &[u64]) -> String {
    let numbers: Vec<String> = indices.iter().map(|index| format!("#{index}")).collect();
    format!("{} {}", if indices.len() == 1 { "entry" } else { "entries" }, numbers.join(", "))
}

fn charts(story: &Story) -> Markup {
    let axes = Axes::of(story);
    html! {
        section {
            h2 { "Compute of the run against its cap" }
            p.note {
                "FLOP of each lab’s run so far, as the lab stated it; logarithmic, one scale for all. A dot is a statement, placed when it was issued. "
                "The cap begins where the slowdown came into force. A ring on the floor is a report of zero; a hollow diamond is a period without a report, which is another thing."
            }
            div.charts {
                @for lab in &story.labs {
                    figure {
                        figcaption { (lab.title) small { (caption(story, &lab.id)) } }
                        @match chart::compute(story, &lab.id, axes) {
                            Ok(svg) => (PreEscaped(svg)),
                            Err(error) => p.note { "The picture could not be drawn: " (error) },
                        }
                    }
                }
            }
        }
    }
}

fn caption(story: &Story, lab: &MemberId) -> String {
    let claims = story.claims.iter().filter(|claim| claim.lab == *lab && claim.cumulative.upper.0 > 0);
    let last = claims.max_by_key(|claim| claim.at);
    match last {
        Some(claim) => format!("run at {} FLOP at last, entry #{}", claim.cumulative.lower.scientific(), claim.index),
        None => "nothing stated".to_owned(),
    }
}

fn timeline(story: &Story) -> Markup {
    html! {
        section {
            h2 { "In order" }
            p.note { "Seconds since the ledger began, by the ledger’s own clock; the block’s height and the entry’s index in the log." }
            ol.line {
                @for moment in &story.moments {
                    li class=(mark_class(moment.mark)) {
                        time datetime=(moment.at) { (offset(story.treaty.genesis, moment.at)) }
                        span { b { (moment.who) } " " (moment.what) }
                        span.ref { (place(moment)) }
                    }
                }
            }
        }
    }
}

fn mark_class(mark: Mark) -> &'static str {
    match mark {
        Mark::Statement => "statement",
        Mark::Vote => "vote",
        Mark::Phase => "phase",
        Mark::Breach => "violated",
        Mark::Silence => "undecided",
        Mark::Note => "note-mark",
    }
}

fn offset(genesis: Timestamp, at: Timestamp) -> String {
    format!("+{:.1} s", seconds(genesis, at))
}

fn place(moment: &Moment) -> String {
    match (moment.height, moment.index) {
        (Some(height), Some(index)) => format!("block {height} · entry #{index}"),
        (Some(height), None) => format!("block {height}"),
        _ => String::new(),
    }
}

fn agreement(story: &Story) -> Markup {
    html! {
        section {
            h2 { "Every node says the same" }
            p.prose {
                "A node’s vote for a block says: I executed it, and I agree with every verdict in it. At the height below, each of the "
                (story.nodes.len()) " nodes was asked for its state root and its verdicts; they are equal to the byte."
            }
            div.scroll { table {
                thead { tr { th { "Node" } th { "Height" } th { "Verdicts" } th { "State root" } } }
                tbody { @for node in &story.nodes { tr {
                    td { code { (node.member) } } td { (node.height) } td { (node.verdicts) } td.mono { (node.state_root) }
                } } }
            } }
        }
    }
}

fn limits() -> Markup {
    html! {
        section.prose {
            h2 { "What this does not show" }
            ul.plain {
                li { b { "That no undeclared data centre exists." } " Whoever declares nothing anywhere leaves no trace here (goal 2B)." }
                li { b { "That a signed number is true." } " These claims are " em { "declared" } ": they rest on files that the lab itself supplied. Their digests make a lie specific and lasting, not impossible." }
                li { b { "That total compute alone exposes covert work." } " What was declared is kept apart from whether everything was declared." }
                li { b { "That the silent lab broke a rule." } " Nobody knows, and the verdict says exactly that." }
            }
        }
    }
}

fn verification(story: &Story) -> Markup {
    let tampered = &story.tampered;
    let worst =
        story.cells.iter().filter(|cell| cell.verdict == Verdict::Violated).find_map(|cell| cell.evidence.first());
    let receipt =
        format!("{:06}", worst.or(story.claims.first().map(|claim| &claim.index)).copied().unwrap_or_default());
    html! {
        section {
            h2 { "Check it yourself" }
            p.prose {
                "In the folder of this page, with no network. Compare the treaty’s hash with the one that the members published, "
                "by another channel: that is all the trust there is."
            }
            pre { "standstill-verify bundle " (story.verified.file) " --trust trust.toml\n"
                  "echo $?        # " (story.verified.exit) "\n"
                  "standstill-verify proof receipts/" (receipt) ".proof --entry receipts/" (receipt) ".entry \\\n"
                  "    --treaty treaty.toml --trust trust.toml" }
            p.prose { "What it printed when the demonstration ended, with exit code " b { (story.verified.exit) } ":" }
            pre { (story.verified.screen) }
            p.prose {
                "Then byte " (tampered.offset) " of a copy was changed from " code { (format!("0x{:02x}", tampered.from)) } " to "
                code { (format!("0x{:02x}", tampered.to)) } ". Exit code " b { (tampered.exit) } ": " (tampered.reason) "."
            }
        }
    }
}

fn ending(story: &Story) -> Markup {
    html! {
        footer {
            dl {
                dt { "treaty" } dd { (story.treaty.title) }
                dt { "treaty hash" } dd.mono { (story.treaty.hash) }
                dt { "ledger" } dd.mono { (story.treaty.chain_id) }
                dt { "bundle" } dd.mono { "sha256 " (story.verified.sha256) }
                dt { "began" } dd { (story.treaty.genesis) }
            }
        }
    }
}
