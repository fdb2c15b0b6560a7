//! The rules of one ledger: its treaty, the clauses' modules, and the host that runs them.

use std::collections::BTreeMap;

use standstill_attestations::accounting::accelerators::{ChipTable, SHIPPED};
use standstill_attestations::crosscheck::Yardstick;
use standstill_hardware::Roots;
use standstill_policies::{AdmissionError, Host, Module, Treaty};
use standstill_protocol::hash::Hash;
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::validators::{Address, Validator, ValidatorSet, ValidatorSetError};

/// A treaty with everything that is needed to apply it. Made once, used for every block.
#[derive(Clone, Debug)]
pub struct Rules {
    treaty: Treaty,
    modules: BTreeMap<Hash, Module>,
    host: Host,
    validators: ValidatorSet,
    chips: Option<ChipTable>,
    roots: Roots,
}

/// Why a treaty cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// The treaty names a module that was not given.
    #[error("clause `{clause}` needs the module with SHA-256 {module}, which was not given")]
    MissingModule {
        /// The clause.
        clause: Name,
        /// The module's hash, as the treaty has it.
        module: Hash,
    },
    /// A module is outside the clause profile.
    #[error("the module {module} is not admitted: {source}")]
    Module {
        /// Its SHA-256.
        module: Hash,
        /// Why.
        source: AdmissionError,
    },
    /// The treaty's validators are no validator set.
    #[error("the treaty's validators: {source}")]
    Validators {
        /// Why.
        source: ValidatorSetError,
    },
}

impl Rules {
    /// Admits the modules that the treaty's clauses name. Modules that no clause names are ignored.
    pub fn new(treaty: Treaty, modules: Vec<Vec<u8>>, host: Host) -> Result<Self, RulesError> {
        let given: BTreeMap<Hash, Vec<u8>> = modules.into_iter().map(|wasm| (Hash::sha256(&wasm), wasm)).collect();
        let mut admitted = BTreeMap::new();
        for clause in &treaty.clauses {
            let module = clause.module;
            let wasm =
                given.get(&module).ok_or_else(|| RulesError::MissingModule { clause: clause.id.clone(), module })?;
            if let std::collections::btree_map::Entry::Vacant(slot) = admitted.entry(module) {
                slot.insert(host.admit(wasm).map_err(|source| RulesError::Module { module, source })?);
            }
        }
        let validators =
            ValidatorSet::new(genesis_validators(&treaty)).map_err(|source| RulesError::Validators { source })?;
        let chips = ChipTable::parse(SHIPPED).ok().filter(|table| table.sha256() == treaty.counting.chip_table);
        let roots = roots(&treaty);
        Ok(Rules { treaty, modules: admitted, host, validators, chips, roots })
    }

    /// The chip table that the treaty pins, where it is the one that this program holds.
    pub fn chip_table(&self) -> Option<&ChipTable> {
        self.chips.as_ref()
    }

    /// What reports are held against, beside their own figures.
    pub fn yardstick(&self) -> Yardstick<'_> {
        Yardstick { tolerance: self.treaty.counting.tolerance, chips: self.chips.as_ref(), ..Yardstick::default() }
    }

    /// The roots on which chips' reports rest: the treaty's, or else the vendors' as pinned in this program.
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// The treaty.
    pub fn treaty(&self) -> &Treaty {
        &self.treaty
    }

    /// The identity of the ledger.
    pub fn chain_id(&self) -> Hash {
        self.treaty.chain_id
    }

    /// The validators at genesis.
    pub fn genesis_validators(&self) -> &ValidatorSet {
        &self.validators
    }

    /// Whose validator has this address at genesis.
    pub fn member_of(&self, address: &Address) -> Option<&MemberId> {
        self.validators.by_address(address).map(|validator| &validator.member)
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// An admitted module.
    pub fn module(&self, hash: &Hash) -> Option<&Module> {
        self.modules.get(hash)
    }

    /// Grace in heights: so many blocks after a deadline a report still counts as in time. 2f + 2, so that at least two
    /// honest proposers had their turn.
    pub fn grace_heights(&self) -> u64 {
        2 * self.validators.tolerated_faults() as u64 + 2
    }
}

fn roots(treaty: &Treaty) -> Roots {
    let Some(own) = &treaty.hardware else { return Roots::pinned() };
    let list = |hashes: &std::collections::BTreeSet<Hash>| hashes.iter().copied().collect();
    Roots { nvidia: list(&own.nvidia), amd: list(&own.amd), intel: list(&own.intel) }
}

fn genesis_validators(treaty: &Treaty) -> Vec<Validator> {
    let validator = |member: &standstill_policies::Member| {
        let keys = member.validator.as_ref()?;
        Some(Validator { member: member.id.clone(), consensus_key: keys.consensus })
    };
    treaty.members.iter().filter_map(validator).collect()
}
