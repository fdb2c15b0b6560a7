//! The codes of the operator's and of the auditor's program are one table: a script that reads one may read the other.

use standstill_node::exit::Exit as NodeExit;
use standstill_verifier::Exit as VerifierExit;

#[test]
fn the_operators_and_the_auditors_program_give_the_same_codes_the_same_names() {
    let operator = NodeExit::ALL.map(|exit| (exit as u8, exit.name()));
    let auditor = VerifierExit::ALL.map(|exit| (exit.code(), exit.name()));
    assert_eq!(operator, auditor);
    assert_eq!(auditor.map(|(code, _)| code), [0, 1, 2, 3, 10, 11, 20, 21]);
}
