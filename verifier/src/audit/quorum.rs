//! Check 4: every head carries the signatures of a quorum. Also where forks are seen: two certified heads of one height.

use std::collections::{BTreeMap, BTreeSet};

use standstill_protocol::block::Header;
use standstill_protocol::certificate::CertificateError;
use standstill_protocol::hash::Hash;
use standstill_protocol::validators::{Address, ValidatorSet};

use super::prepare::PreparedCertificate;
use crate::checks::{Check, Failure, Tally};

/// Follows the heads and their certificates.
pub(super) struct Quorum {
    /// Validator sets that are pinned or followed from one that is, by hash.
    sets: BTreeMap<Hash, ValidatorSet>,
    head: Option<Head>,
    /// Another block of the head's height, until its certificate decides what that means.
    fork: Option<Head>,
}

struct Head {
    height: u64,
    hash: Hash,
    validators: Hash,
    /// Hashes of certificates looked at, so that none is judged twice.
    judged: BTreeSet<Hash>,
    /// Who signed, once a certificate was good.
    signers: Option<BTreeSet<Address>>,
}

impl Quorum {
    pub(super) fn new(genesis: &ValidatorSet) -> Self {
        Quorum { sets: BTreeMap::from([(genesis.hash(), genesis.clone())]), head: None, fork: None }
    }

    /// A new head. The one before must be certified by now.
    pub(super) fn block(&mut self, header: &Header, hash: Hash, tally: &mut Tally) {
        self.retire(tally);
        self.head = Some(Head::new(header, hash));
    }

    /// Another block of the head's height.
    pub(super) fn fork(&mut self, header: &Header, hash: Hash) {
        self.fork = Some(Head::new(header, hash));
    }

    /// A certificate: for the fork if it names it, else for the head.
    pub(super) fn certificate(&mut self, prepared: &PreparedCertificate, tally: &mut Tally) {
        let named = |head: &Head| head.hash == prepared.certificate.block;
        if let Some(fork) = self.fork.take_if(|fork| named(fork)) {
            self.decide(fork, prepared, tally);
            return;
        }
        let Some(head) = &mut self.head else {
            let message = "a certificate before any block".to_owned();
            tally.fail(Check::Quorum, Failure { code: "certificate-without-block", scope: vec![], message });
            return;
        };
        if !head.judged.insert(prepared.hash) {
            return;
        }
        let failures = head.judge(prepared, &self.sets);
        if failures.is_empty() {
            head.signers = Some(prepared.certificate.signatures.iter().map(|entry| entry.address).collect());
        }
        failures.into_iter().for_each(|failure| tally.fail(Check::Quorum, failure));
    }

    /// The end of the file.
    pub(super) fn finish(&mut self, tally: &mut Tally) {
        self.retire(tally);
    }

    fn decide(&self, fork: Head, prepared: &PreparedCertificate, tally: &mut Tally) {
        let scope = vec![format!("height {}", fork.height)];
        let certified = fork.judge(prepared, &self.sets).is_empty();
        let signers = self.head.as_ref().and_then(|head| head.signers.as_ref()).filter(|_| certified);
        let Some(signers) = signers else {
            tally.fail(Check::Consistency, stray(&fork));
            return;
        };
        let both = prepared.certificate.signatures.iter().map(|entry| entry.address);
        let both: Vec<String> = both.filter(|address| signers.contains(address)).map(|a| a.to_string()).collect();
        let message =
            format!("two certified blocks of one height; {} validators signed both: {}", both.len(), both.join(", "));
        tally.equivocation(Failure { code: "fork", scope, message });
    }

    fn retire(&mut self, tally: &mut Tally) {
        if let Some(fork) = self.fork.take() {
            tally.fail(Check::Consistency, stray(&fork));
        }
        let Some(head) = self.head.take().filter(|head| head.signers.is_none() && head.judged.is_empty()) else {
            return;
        };
        let scope = vec![format!("height {}", head.height)];
        let message = "no certificate: the block is not final".to_owned();
        tally.fail(Check::Quorum, Failure { code: "uncertified", scope, message });
    }
}

fn stray(fork: &Head) -> Failure {
    let scope = vec![format!("height {}", fork.height)];
    let message = "a second block of one height, without a certificate".to_owned();
    Failure { code: "duplicate-height", scope, message }
}

impl Head {
    fn new(header: &Header, hash: Hash) -> Self {
        let judged = BTreeSet::new();
        Head { height: header.height, hash, validators: header.validators, judged, signers: None }
    }

    /// Everything that keeps a certificate from proving this head final.
    fn judge(&self, prepared: &PreparedCertificate, sets: &BTreeMap<Hash, ValidatorSet>) -> Vec<Failure> {
        let height = format!("height {}", self.height);
        let failure = |code, message: String| Failure { code, scope: vec![height.clone()], message };
        let certificate = &prepared.certificate;
        if certificate.height != self.height || certificate.block != self.hash {
            let message = format!("the certificate is for another block, of height {}", certificate.height);
            return vec![failure("other-block", message)];
        }
        let Some(set) = sets.get(&self.validators) else {
            let message = format!("the header names validators {} that nothing pins", self.validators);
            return vec![failure("unknown-validators", message)];
        };
        let mut failures = Vec::new();
        if let Err(error) = certificate.check_signers(set) {
            let code = match &error {
                CertificateError::NoQuorum { .. } => "no-quorum",
                CertificateError::Unsorted { .. } => "unsorted-signers",
                CertificateError::UnknownSigner { .. } => "unknown-validator",
                CertificateError::BadSignature { .. } => "bad-commit-signature",
            };
            failures.push(failure(code, error.to_string()));
        }
        for address in prepared.bad.iter().filter(|address| set.by_address(address).is_some()) {
            let scope = vec![height.clone(), format!("validator {address}")];
            let message = "the commit signature is not valid".to_owned();
            failures.push(Failure { code: "bad-commit-signature", scope, message });
        }
        if failures.is_empty() && !prepared.is_verified() {
            failures.push(failure("bad-commit-signature", "a commit signature is not valid".to_owned()));
        }
        failures
    }
}
