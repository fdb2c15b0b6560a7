//! A member that says things: it numbers its statements and signs them.

use standstill_attestations::{Common, Predicate, Statement, Subject};
use standstill_protocol::dsse::Envelope;
use standstill_protocol::hash::Hash;
use standstill_protocol::keys::SecretKey;
use standstill_protocol::member::MemberId;
use standstill_protocol::units::Timestamp;

use crate::TestnetError;

/// A member with its statement key and the number of its next statement.
#[derive(Clone, Debug)]
pub struct Author {
    member: MemberId,
    key: SecretKey,
    chain_id: Hash,
    next: u64,
}

impl Author {
    /// A member whose next statement has the sequence number `next`.
    pub fn new(member: MemberId, key: SecretKey, chain_id: Hash, next: u64) -> Self {
        Author { member, key, chain_id, next }
    }

    /// Who it is.
    pub fn member(&self) -> &MemberId {
        &self.member
    }

    /// The number of the next statement.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Signs a statement about `subjects`; votes and statements about keys find their subject themselves.
    pub fn sign(
        &mut self,
        subjects: Vec<Subject>,
        predicate: Predicate,
        now: Timestamp,
    ) -> Result<Envelope, TestnetError> {
        let common = Common {
            chain_id: self.chain_id,
            member: self.member.clone(),
            sequence: self.next,
            issued_at: now,
            corrects: None,
        };
        let statement = if subjects.is_empty() {
            Statement::of(common, predicate).ok_or_else(|| TestnetError::Malformed {
                what: format!("a statement of `{}`", self.member),
                reason: "it names no subject".to_owned(),
            })?
        } else {
            Statement { subjects, common, predicate }
        };
        statement.check().map_err(|error| TestnetError::Malformed {
            what: format!("a statement of `{}`", self.member),
            reason: error.to_string(),
        })?;
        let envelope = Envelope::sign(statement.to_json(), &[&self.key]);
        self.next += 1;
        Ok(envelope)
    }
}
