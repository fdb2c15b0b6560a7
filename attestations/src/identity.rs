//! Digests of things that are no files: members, sites, runs and logs as subjects of statements, chips in an
//! inventory, and the nonce that binds a device's report to the ledger.
//!
//! ```text
//! subject       tagged("standstill/v1/subject", chain id 32 || name)             name: lab-a/run/aurora-3
//! chip tag      tagged("standstill/v1/chip-tag", chain id 32 || vendor || "/" || device 32)
//! chip list     root of the RFC 6962 tree over the tags, 32 bytes a leaf, strictly ascending
//! device nonce  tagged("standstill/v1/hardware-nonce", chain id 32 || log size u64 BE || log root 32 || subject 32)
//! ```
//!
//! A chip is known by the hash of a key or of an identifier of 64 bytes, not by its serial number: those can be guessed
//! one by one, and AMD's certificates all have the serial number 0. A tag hides the chip from who has not seen its
//! certificate, and shows that two lists name the same one.

use standstill_protocol::hash::{Domain, Hash};
use standstill_protocol::log::{Frontier, leaf_hash};
use standstill_protocol::member::{MemberId, Name};

use crate::device::Vendor;
use crate::statement::Subject;

/// Size and root of an RFC 6962 log: the ledger's, or one that a member keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogHead {
    /// Leaves.
    pub size: u64,
    /// Root of their tree.
    pub root: Hash,
}

impl Subject {
    /// A thing under a name that says what it is; the digest is over the name, so that the ledger's statements about
    /// it are found by either.
    fn named(chain_id: &Hash, name: String) -> Subject {
        let sha256 = Hash::tagged(Domain::Subject, &[chain_id.as_bytes(), name.as_bytes()]);
        Subject { name, sha256 }
    }

    /// A member: `lab-a`.
    pub fn member(chain_id: &Hash, member: &MemberId) -> Subject {
        Subject::named(chain_id, member.to_string())
    }

    /// A member's site: `lab-a/site/dc-1`.
    pub fn site(chain_id: &Hash, member: &MemberId, site: &Name) -> Subject {
        Subject::named(chain_id, format!("{member}/site/{site}"))
    }

    /// A member's run: `lab-a/run/aurora-3`.
    pub fn run(chain_id: &Hash, member: &MemberId, run: &Name) -> Subject {
        Subject::named(chain_id, format!("{member}/run/{run}"))
    }

    /// A member's run at one of its sites: `lab-a/site/dc-1/run/aurora-3`.
    pub fn run_at(chain_id: &Hash, member: &MemberId, site: &Name, run: &Name) -> Subject {
        Subject::named(chain_id, format!("{member}/site/{site}/run/{run}"))
    }

    /// A log that a member keeps: `lab-a/log/dc-1-power`.
    pub fn log(chain_id: &Hash, member: &MemberId, log: &Name) -> Subject {
        Subject::named(chain_id, format!("{member}/log/{log}"))
    }
}

/// The tag of a chip on one ledger. `device` is the same whatever its firmware: for `nvidia-spdm` SHA-256 of the public
/// key (`SubjectPublicKeyInfo`) in the boot ROM's certificate, for `amd-sev-snp` SHA-256 of `CHIP_ID`, for `intel-tdx`
/// SHA-256 of the public key in the platform's PCK certificate.
pub fn chip_tag(chain_id: &Hash, vendor: Vendor, device: &Hash) -> Hash {
    Hash::tagged(Domain::ChipTag, &[chain_id.as_bytes(), vendor.as_str().as_bytes(), b"/", device.as_bytes()])
}

/// The root over a list of tags. `None` where they are not strictly ascending: a chip listed twice, or no order that
/// two parties would agree on.
pub fn chip_root(tags: &[Hash]) -> Option<Hash> {
    let ascending = tags.windows(2).all(|pair| matches!(pair, [one, next] if one < next));
    let mut tree = Frontier::new();
    tags.iter().for_each(|tag| tree.append(leaf_hash(tag.as_bytes())));
    ascending.then(|| tree.root())
}

/// What a device must be asked to sign: fresh, because nobody knew the head before it was certified; and about one
/// site, or one run at one site, so that a report for one is none for another.
pub fn device_nonce(chain_id: &Hash, head: &LogHead, subject: &Hash) -> Hash {
    let size = head.size.to_be_bytes();
    Hash::tagged(Domain::HardwareNonce, &[chain_id.as_bytes(), &size, head.root.as_bytes(), subject.as_bytes()])
}
