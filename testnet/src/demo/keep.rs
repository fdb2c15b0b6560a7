//! What the demo leaves behind.
//!
//! ```text
//! OUT/report.html           read this first
//!     bundle.standstill     the whole ledger: treaty, clauses, blocks, certificates, checkpoint
//!     trust.toml            what a verifier has to believe
//!     treaty.toml           the treaty, as it is hashed
//!     receipts/000003.proof one for each entry, by its index in the log; 000003.entry beside it is what was signed
//!     log/                  checkpoint, policy and tiles, as C2SP tools read them
//!     tampered.standstill   the bundle with one byte changed
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use standstill_node::api::views::EntryView;
use standstill_policies::Limits;
use standstill_protocol::hash::Hash;
use standstill_protocol::tlog_policy::TlogPolicy;
use standstill_verifier::{Exit, Options, Report, Trust, proof, verify_bundle};

use super::log_folder;
use crate::TestnetError;
use crate::client::{Client, Recorded};
use crate::error::io;
use crate::network::Network;

pub(super) const BUNDLE: &str = "bundle.standstill";
pub(super) const TAMPERED: &str = "tampered.standstill";
const TRUST: &str = "trust.toml";
const REPORT: &str = "report.html";
/// A node writes its log folder within a fraction of a second of a checkpoint.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(20);

/// The folder, and what stands in it.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) out: PathBuf,
    pub(super) bundle: Vec<u8>,
    pub(super) trust: Trust,
    treaty: Vec<u8>,
    receipts: Vec<Receipt>,
}

/// A receipt, and the entry that it is about.
#[derive(Debug)]
struct Receipt {
    index: u64,
    proof: Vec<u8>,
    entry: Vec<u8>,
}

/// Makes the folder, or empties one that an earlier demo made. Anything else is left alone.
pub(super) fn prepare(out: &Path) -> Result<(), TestnetError> {
    let occupied = fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        if !out.join(REPORT).is_file() || !out.join(BUNDLE).is_file() {
            let source = std::io::Error::new(std::io::ErrorKind::AlreadyExists, "it holds other files");
            return Err(TestnetError::Io { action: "write to", path: out.to_owned(), source });
        }
        fs::remove_dir_all(out).map_err(io("empty", out))?;
    }
    fs::create_dir_all(out.join("receipts")).map_err(io("create", out))
}

/// What only a running node can give: receipts, the bundle, the quorum's policy.
#[derive(Debug)]
pub(super) struct Fetched {
    out: PathBuf,
    receipts: Vec<Receipt>,
}

impl Fetched {
    /// Fetches everything from the first node, whose word is not taken for any of it: the verifier reads the files.
    pub(super) fn from(network: &mut Network, entries: &[Recorded], out: &Path) -> Result<Self, TestnetError> {
        let client = network.client(0);
        // A receipt waits until a quorum has cosigned its entry: then the bundle holds a checkpoint of the last one too.
        let receipts = entries.iter().map(|recorded| receipt(client, recorded, out)).collect::<Result<Vec<_>, _>>()?;
        write(&out.join(BUNDLE), &client.get("/v1/bundle")?)?;
        write(&out.join(TRUST), trust(network, client)?.to_toml().as_bytes())?;
        write(&out.join("treaty.toml"), network.treaty_bytes())?;
        let last = entries.iter().map(|recorded| recorded.index).max().unwrap_or(0);
        let log = log_of(network);
        network.wait(0, "write its log folder", PUBLISHED_WITHIN, |_| Ok(log_folder::covers(&log, last)))?;
        Ok(Fetched { out: out.to_owned(), receipts })
    }

    /// With the nodes stopped, copies the log and reads back from the disk what was written.
    pub(super) fn keep(self, network: &Network) -> Result<Kept, TestnetError> {
        let Fetched { out, receipts } = self;
        copy_tree(&log_of(network), &out.join("log"))?;
        let bundle = read(&out.join(BUNDLE))?;
        let trust = Trust::parse(&read(&out.join(TRUST))?)
            .map_err(|error| TestnetError::Malformed { what: TRUST.to_owned(), reason: error.to_string() })?;
        let treaty = read(&out.join("treaty.toml"))?;
        Ok(Kept { out, bundle, trust, treaty, receipts })
    }
}

fn log_of(network: &Network) -> PathBuf {
    network.nodes()[0].entry.home.join("log")
}

impl Kept {
    /// Checks `log/` from its files alone; says how many leaves it has.
    pub(super) fn verify_log(&self) -> Result<u64, TestnetError> {
        log_folder::verify(&self.out.join("log"), &self.trust.policy)
    }

    /// The verifier's library on some bytes.
    pub(super) fn verify(&self, bundle: &[u8]) -> Result<Report, TestnetError> {
        verify_bundle(bundle, &self.trust, &Options::default())
            .map_err(|error| TestnetError::Malformed { what: "the bundle".to_owned(), reason: error.to_string() })
    }

    /// Checks every receipt by itself, as somebody would who holds only that; says how many there are.
    pub(super) fn verify_receipts(&self) -> Result<usize, TestnetError> {
        for Receipt { index, proof, entry } in &self.receipts {
            let report = proof::verify(proof, Some(entry), Some(&self.treaty), &self.trust);
            if report.exit() != Exit::Holds {
                let what = format!("receipt {index} is {}", report.exit().name());
                return Err(TestnetError::Disagreement { what });
            }
        }
        Ok(self.receipts.len())
    }

    /// A copy with one bit of the byte at `offset` changed, also on disk.
    pub(super) fn tamper(&self, offset: usize) -> Result<Vec<u8>, TestnetError> {
        let mut copy = self.bundle.clone();
        if let Some(byte) = copy.get_mut(offset) {
            *byte ^= 1;
        }
        write(&self.out.join(TAMPERED), &copy)?;
        Ok(copy)
    }

    pub(super) fn write_report(&self, html: &str) -> Result<PathBuf, TestnetError> {
        let path = self.out.join(REPORT);
        write(&path, html.as_bytes())?;
        Ok(path)
    }

    pub(super) fn sha256(&self) -> Hash {
        Hash::sha256(&self.bundle)
    }
}

fn receipt(client: &Client, recorded: &Recorded, out: &Path) -> Result<Receipt, TestnetError> {
    let Recorded { id, index, .. } = recorded;
    let proof = client.get(&format!("/v1/receipts/{id}?wait=true"))?;
    let entry = client.json::<EntryView>(&format!("/v1/entries/{index}"))?.leaf.unwrap_or_default().into_bytes();
    let path = out.join("receipts").join(format!("{index:06}"));
    write(&path.with_extension("proof"), &proof)?;
    write(&path.with_extension("entry"), &entry)?;
    Ok(Receipt { index: *index, proof, entry })
}

fn trust(network: &Network, client: &Client) -> Result<Trust, TestnetError> {
    let malformed =
        |reason: String| TestnetError::Malformed { what: format!("the policy of {}", client.base()), reason };
    let policy = TlogPolicy::parse(&client.get("/policy")?).map_err(|error| malformed(error.to_string()))?;
    let name = format!("the demo's members, treaty {}", network.treaty().hash.short());
    Trust::of_treaty(network.treaty(), &name, policy, &Limits::V1).map_err(|error| TestnetError::Malformed {
        what: format!("the trust file for {}", client.base()),
        reason: error.to_string(),
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), TestnetError> {
    fs::write(path, bytes).map_err(io("write", path))
}

fn read(path: &Path) -> Result<Vec<u8>, TestnetError> {
    fs::read(path).map_err(io("read", path))
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), TestnetError> {
    fs::create_dir_all(to).map_err(io("create", to))?;
    for entry in fs::read_dir(from).map_err(io("read", from))? {
        let entry = entry.map_err(io("read", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().map_err(io("read", &source))?.is_dir() {
            copy_tree(&source, &target)?;
        } else {
            fs::copy(&source, &target).map_err(io("copy", &source))?;
        }
    }
    Ok(())
}
