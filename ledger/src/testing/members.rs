//! The cast: labs, one evaluator, one regulator, one inspector that meters too; all but the inspector validate.

use std::collections::BTreeSet;

use standstill_policies::treaty::ValidatorKeys;
use standstill_policies::{Member, Role};

use super::secret_key;

/// `lab-a` and so on, then `evaluator`, `inspector` and `regulator`.
pub fn members(labs: u8) -> Vec<Member> {
    let lab = |index: u8| member(&format!("lab-{}", char::from(b'a' + index.min(25))), Role::Lab, true);
    let mut members: Vec<_> = (0..labs.clamp(1, 26)).map(lab).collect();
    members.push(member("evaluator", Role::Evaluator, true));
    let mut inspector = member("inspector", Role::Inspector, false);
    inspector.roles.insert(Role::Meter);
    members.push(inspector);
    members.push(member("regulator", Role::Regulator, true));
    members
}

fn member(id: &str, role: Role, validates: bool) -> Member {
    let public = |usage: &str| secret_key(id, usage).public_key();
    let validator = validates.then(|| ValidatorKeys {
        consensus: public("consensus"),
        log: public("log"),
        cosigner: public("cosigner"),
        peer_id: format!("peer{}", id.replace('-', "")),
    });
    Member {
        id: id.parse().expect("a member's name"),
        title: format!("Example {id}"),
        roles: BTreeSet::from([role]),
        statement_keys: vec![public("statement")],
        validator,
    }
}
