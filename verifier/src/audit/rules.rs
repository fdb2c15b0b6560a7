//! Check 6: the treaty, its validators and its modules are the pinned ones. Nothing that is not pinned is executed.

use std::collections::{BTreeMap, BTreeSet};

use standstill_ledger::{Rules, RulesError};
use standstill_policies::{Host, Treaty};
use standstill_protocol::hash::{Domain, Hash};

use crate::checks::{Check, Failure, Tally};
use crate::trust::Trust;

/// What a bundle opens with.
#[derive(Default)]
pub(super) struct Opening {
    treaty: Option<Vec<u8>>,
    /// Modules that the treaty names, by SHA-256; others are only counted.
    modules: BTreeMap<Hash, Vec<u8>>,
    named: BTreeSet<Hash>,
    extra: Vec<Hash>,
}

/// The rules, if they are the pinned ones.
pub(super) struct Pinned {
    pub(super) treaty_name: String,
    pub(super) rules: Option<Rules>,
}

impl Opening {
    pub(super) fn treaty(&mut self, bytes: Vec<u8>) {
        if self.treaty.is_none() {
            let treaty = Treaty::parse(&bytes);
            self.named = treaty.iter().flat_map(|treaty| &treaty.clauses).map(|clause| clause.module).collect();
            self.treaty = Some(bytes);
        }
    }

    pub(super) fn module(&mut self, bytes: Vec<u8>) {
        let hash = Hash::sha256(&bytes);
        if self.named.contains(&hash) {
            self.modules.insert(hash, bytes);
        } else {
            self.extra.push(hash);
        }
    }

    /// Everything is here: compares, and makes the rules.
    pub(super) fn close(self, trust: &Trust, host: &Host, tally: &mut Tally) -> Pinned {
        tally.examined(Check::Policies, 1 + self.named.len() as u64);
        let mut fail = |code, scope: Vec<String>, message: String| {
            tally.fail(Check::Policies, Failure { code, scope, message });
        };
        for hash in &self.extra {
            fail(
                "extra-module",
                vec![format!("module {hash}")],
                "no clause of the treaty names this module".to_owned(),
            );
        }
        let mut none = Pinned { treaty_name: String::new(), rules: None };
        let Some(bytes) = &self.treaty else {
            fail("no-treaty", vec![], "the bundle holds no treaty".to_owned());
            return none;
        };
        let hash = Hash::tagged(Domain::Treaty, &[bytes]);
        if hash != trust.treaty {
            fail("treaty-hash", vec![], format!("the treaty's hash is {hash}, pinned is {}", trust.treaty));
            return none;
        }
        let treaty = match Treaty::parse(bytes) {
            Ok(treaty) => treaty,
            Err(error) => {
                fail("treaty-malformed", vec![], error.to_string());
                return none;
            }
        };
        none.treaty_name = treaty.title.clone();
        for clause in treaty.clauses.iter().filter(|clause| !self.modules.contains_key(&clause.module)) {
            let scope = vec![format!("clause {}", clause.id)];
            fail("missing-module", scope, format!("the bundle does not hold module {}", clause.module));
        }
        match Rules::new(treaty, self.modules.into_values().collect(), host.clone()) {
            Ok(rules) if rules.genesis_validators() == &trust.validators => Pinned { rules: Some(rules), ..none },
            Ok(_) => {
                fail("validators", vec![], "the treaty's validators are not those that the trust file pins".to_owned());
                none
            }
            Err(RulesError::MissingModule { .. }) => none,
            Err(error) => {
                fail("rules", vec![], error.to_string());
                none
            }
        }
    }
}
