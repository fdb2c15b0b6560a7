//! The claim against tokens and parameters.

use standstill_protocol::units::{Flop, Ppm};

use super::finding::{Check, Finding, count, percent, times};
use super::{Yardstick, found, need, work};
use crate::accounting::{Overflow, agree, eight_nd, six_nd};
use crate::claim::Interval;
use crate::training::{CountingRule, TrainingCompute, Workload};

/// How near a claim must come to a known mistake to be called one.
const NEAR: Ppm = Ppm(50_000);

/// What the tokens take by the rule: with full recomputation up to 8ND where hardware is counted, and twice that where
/// operations of 32 bits count double.
fn expected(rule: CountingRule, workload: &Workload) -> Result<Interval, Overflow> {
    let lower = six_nd(workload.active_parameters, workload.tokens)?;
    let recomputed = eight_nd(workload.active_parameters, workload.tokens)?;
    let upper = match rule {
        CountingRule::ModelFlop | CountingRule::SixNdNonEmbedding => lower,
        CountingRule::HardwareFlop => recomputed,
        CountingRule::HigherOfFp16EquivalentAndTotal => recomputed.checked_add(recomputed).ok_or(Overflow)?,
    };
    Ok(Interval { lower, upper })
}

/// A known way to arrive at the claim.
fn mistake(claimed: Interval, workload: &Workload) -> Option<&'static str> {
    let (active, total, tokens) = (workload.active_parameters, workload.total_parameters, workload.tokens);
    let forward = six_nd(active, tokens).map(|flop| Flop(flop.0 / 3));
    let mistakes = [
        (eight_nd(active, tokens), "; 8ND fits: was recomputation counted?"),
        (six_nd(total, tokens), "; 6ND with all parameters fits: were those counted that a token does not meet?"),
        (forward, "; 2ND fits: was the backward pass left out?"),
    ];
    let fits = |flop: &Result<Flop, Overflow>| flop.is_ok_and(|flop| agree(claimed, Interval::exact(flop), NEAR));
    mistakes.into_iter().find(|(flop, _)| fits(flop)).map(|(_, mistake)| mistake)
}

pub(super) fn claim_against_6nd(report: &TrainingCompute, yardstick: &Yardstick<'_>) -> Finding {
    let name = Check::ClaimAgainst6nd;
    let check = || {
        let workload = need(name, "the workload", &report.workload)?;
        let computed = expected(report.counting_rule, workload);
        let computed = computed.map_err(|overflow| Finding::cannot_tell(name, overflow.to_string()))?;
        let claimed = report.flop.incremental;
        let finding =
            Finding::new(name, claimed.into(), computed.into()).with_factor(claimed.lower.0, computed.upper.0);
        // Tokens that a restart threw away may be among them.
        let fits = [claimed, work(report)].into_iter().any(|claim| agree(claim, computed, yardstick.tolerance));
        if fits {
            let (tokens, tolerance) = (count(workload.tokens), percent(yardstick.tolerance));
            return Ok(finding.agrees(format!("{tokens} tokens take it, within {tolerance} %")));
        }
        let hint = mistake(claimed, workload).unwrap_or_default();
        Ok(finding.contradicts(if claimed.lower > computed.upper {
            let factor = times(claimed.lower.0, computed.upper.0);
            format!("the claim is {factor} times what tokens and parameters take{hint}")
        } else {
            let factor = times(computed.lower.0, claimed.upper.0);
            format!("tokens and parameters take {factor} times the claim{hint}")
        }))
    };
    found(check())
}
