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

use standstill_node::api::views::EntryView;
use standstill_policies::Limits;
use standstill_protocol::hash::Hash;
use standstill_protocol::tlog_policy::TlogPolicy;
use standstill_verifier::{Exit, Options, Report, Trust, proof, verify_bundle};

use crate::TestnetError;
use crate::client::{Client, Recorded};
use crate::error::io;
use crate::network::Network;

pub(super) const BUNDLE: &str = "bundle.standstill";
pub(super) const TAMPERED: &str = "tampered.standstill";
const TRUST: &str = "trust.toml";
const REPORT: &str = "report.html";

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

impl Kept {
    /// Fetches everything from one node, whose word is not taken for any of it: the verifier reads the files.
    pub(super) fn fetch(network: &Network, entries: &[Recorded], out: &Path) -> Result<Self, TestnetError> {
        let client = network.client(0);
        // A receipt waits until a quorum has cosigned its entry: then the bundle holds a checkpoint of the last one too.
        let receipts = entries.iter().map(|recorded| receipt(client, recorded, out)).collect::<Result<Vec<_>, _>>()?;
        let bundle = client.get("/v1/bundle")?;
        write(&out.join(BUNDLE), &bundle)?;
        copy_tree(&network.nodes()[0].entry.home.join("log"), &out.join("log"))?;
        let trust = trust(network, client)?;
        write(&out.join(TRUST), trust.to_toml().as_bytes())?;
        let treaty = network.treaty_bytes().to_vec();
        write(&out.join("treaty.toml"), &treaty)?;
        Ok(Kept { out: out.to_owned(), bundle, trust, treaty, receipts })
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
