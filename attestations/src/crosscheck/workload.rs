//! The claim against tokens and parameters.

use standstill_protocol::units::{Flop, Ppm};

use super::finding::{Check, Finding, count, percent, times};
use super::{Yardstick, found, need, work};
use crate::accounting::{Overflow, agree, eight_nd, six_nd};
use crate::claim::Interval;
use crate::training::{CountingRule, RunStage, TrainingCompute, Workload};

/// How near a claim must come to a known mistake to be called one.
const NEAR: Ppm = Ppm(50_000);

/// What the tokens take, as multiples of parameters x tokens. Training takes 6; making data takes a forward pass, 2, and
/// more where it also trains; reinforcement learning adds 2 for sampling and 2 for a reference model. Where hardware is
/// counted, full recomputation adds 2 to what trains, and operations of 32 bits may count double.
fn expected(report: &TrainingCompute, workload: &Workload) -> Result<Interval, Overflow> {
    let (least, most) = match report.run_stage {
        RunStage::SyntheticData => (2, 6),
        RunStage::PostTraining => (6, 10),
        RunStage::PreTraining | RunStage::MidTraining | RunStage::Distillation => (6, 6),
    };
    let most = match report.counting_rule {
        CountingRule::ModelFlop | CountingRule::SixNdNonEmbedding => most,
        CountingRule::HardwareFlop => most + 2,
        CountingRule::HigherOfFp16EquivalentAndTotal => (most + 2) * 2,
    };
    let each = workload.active_parameters.checked_mul(workload.tokens).ok_or(Overflow)?;
    let times = |factor: u128| each.checked_mul(factor).map(Flop).ok_or(Overflow);
    Ok(Interval { lower: times(least)?, upper: times(most)? })
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
        let computed = expected(report, workload);
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
