//! `telemetry-log`: a checkpoint of a log that the lab keeps for itself, with the proof that it extends the last one.
//!
//! ```text
//! "log": "dc-1-power", "site": "dc-1", "origin": "lab-a.example/dc-1-power", "leafFormat": "dcgm-sample/v1",
//! "window": {"start": …, "end": …}, "size": 86400, "root": "…", "previous": {"size": 43200, "root": "…"},
//! "proof": ["base64 of 32 bytes", …]
//! ```
//!
//! Telemetry is too much for the ledger and may be secret. Its RFC 6962 log stays in the lab; what is signed here
//! fixes it, so that leaves which an auditor asks for later are those that were there. The proof is checked here,
//! from `previous` to `size`; that `previous` is the last checkpoint on the ledger, the ledger checks.

use standstill_protocol::hash::Hash;
use standstill_protocol::log::consistency;
use standstill_protocol::member::Name;

use crate::claim::Window;
use crate::claim_check::{check_count, check_issued_after, check_label, check_whole, check_window};
use crate::claim_json::{label, window, window_json};
use crate::error::StatementError;
use crate::identity::LogHead;
use crate::limits;
use crate::reader::{Field, MAX_SAFE_INTEGER, Object, Read};
use crate::statement::{Common, Subject};
use crate::writer::Json;

/// The predicate of a `telemetry-log` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetryLog {
    /// The log, as the member names it; the same in every checkpoint of it.
    pub log: Name,
    /// Where its readings come from.
    pub site: Name,
    /// The origin that its own checkpoints bear (C2SP): no spaces, no `+`.
    pub origin: String,
    /// How a leaf reads, such as `dcgm-sample/v1`.
    pub leaf_format: String,
    /// When the readings since `previous` were taken.
    pub window: Window,
    /// The log now.
    pub head: LogHead,
    /// The log at the last checkpoint on the ledger; `None` for the first.
    pub previous: Option<LogHead>,
    /// RFC 6962 consistency proof from `previous` to `head`; empty for the first checkpoint.
    pub proof: Vec<Hash>,
}

impl TelemetryLog {
    /// What the statement is about: the log.
    pub fn subject(&self, common: &Common) -> Subject {
        Subject::log(&common.chain_id, &common.member, &self.log)
    }

    pub(crate) fn read(object: &mut Object<'_, '_>) -> Read<Self> {
        Ok(TelemetryLog {
            log: object.take("log")?.name()?,
            site: object.take("site")?.name()?,
            origin: label(object.take("origin")?)?,
            leaf_format: label(object.take("leafFormat")?)?,
            window: window(object.take("window")?)?,
            head: head_members(object)?,
            previous: object.take_nullable("previous")?.map(previous).transpose()?,
            proof: object.take("proof")?.list(limits::PROOF, |field| field.base64_hash())?,
        })
    }

    pub(crate) fn write(&self, members: &mut Vec<(&'static str, Json)>) {
        let head = |head: &LogHead| [("size", Json::Whole(head.size)), ("root", Json::text(head.root))];
        members.extend([
            ("log", Json::text(&self.log)),
            ("site", Json::text(&self.site)),
            ("origin", Json::text(&self.origin)),
            ("leafFormat", Json::text(&self.leaf_format)),
            ("window", window_json(&self.window)),
        ]);
        members.extend(head(&self.head));
        let previous = self.previous.as_ref().map_or(Json::Null, |previous| Json::Object(Vec::from(head(previous))));
        members.extend([
            ("previous", previous),
            ("proof", Json::List(self.proof.iter().map(|hash| Json::base64(hash.as_bytes())).collect())),
        ]);
    }

    pub(crate) fn check(&self, common: &Common) -> Read<()> {
        check_label(&self.origin, "predicate.origin")?;
        if self.origin.contains(|c: char| c.is_whitespace() || c == '+') {
            return Err(StatementError::NotAnOrigin { found: crate::reader::shorten(&self.origin) });
        }
        check_label(&self.leaf_format, "predicate.leafFormat")?;
        check_window(&self.window, "predicate.window")?;
        check_issued_after(&self.window, common)?;
        for (path, head) in [("predicate.size", Some(&self.head)), ("predicate.previous.size", self.previous.as_ref())]
        {
            match head {
                Some(head) if head.size == 0 => return Err(StatementError::Zero { path: path.to_owned() }),
                Some(head) => check_whole(head.size, MAX_SAFE_INTEGER, path)?,
                None => {}
            }
        }
        check_count(self.proof.len(), limits::PROOF, "predicate.proof")?;
        self.check_extends()
    }

    fn check_extends(&self) -> Read<()> {
        let head = &self.head;
        let verified = match &self.previous {
            None if self.proof.is_empty() => return Ok(()),
            None => Err("a log's first checkpoint has nothing to prove".to_owned()),
            Some(old) if old.size > head.size => {
                return Err(StatementError::LogShrinks { size: head.size, previous: old.size });
            }
            Some(old) => consistency::verify(old.size, &old.root, head.size, &head.root, &self.proof)
                .map_err(|error| error.to_string()),
        };
        verified.map_err(|reason| StatementError::LogProof { reason })
    }
}

fn head_members(object: &mut Object<'_, '_>) -> Read<LogHead> {
    Ok(LogHead { size: object.take("size")?.whole(MAX_SAFE_INTEGER)?, root: object.take("root")?.digest()? })
}

fn previous(field: Field<'_, '_>) -> Read<LogHead> {
    let mut object = field.object()?;
    let head = head_members(&mut object)?;
    object.finish()?;
    Ok(head)
}
