//! The same treaty for other members, other clocks and other caps: what a rehearsal needs.
//!
//! A template is a treaty file. Rendering replaces its members, its times or single parameters, leaves every other word
//! as it is, and checks the result by parsing it. A rendered file says in `adaptation` what was changed.
//!
//! ```
//! use standstill_policies::{TreatyTemplate, treaty::Span};
//! use standstill_protocol::units::{Flop, Timestamp};
//! let start = Timestamp::parse("2027-01-01T00:00:00Z").unwrap();
//! let (treaty, bytes) = TreatyTemplate::pause_option()
//!     .genesis_time(start)
//!     .periods(start, Span::parse("5s").unwrap(), Span::parse("2s").unwrap())
//!     .clocks(Span(400), Span(500), 5)
//!     .parameter("run-cap", Some("slowdown"), "cap", standstill_policies::Value::Flop(Flop(1_000_000)))
//!     .render("Rendered for a rehearsal: short periods and a small cap")
//!     .unwrap();
//! assert_eq!(treaty.periods.length_ms, 5000);
//! assert_eq!(standstill_policies::Treaty::parse(&bytes).unwrap().hash, treaty.hash);
//! ```

use std::collections::BTreeSet;

use standstill_protocol::hash::Hash;
use standstill_protocol::member::{MemberId, Name};
use standstill_protocol::units::Timestamp;

use super::file::{HardwareFile, PeriodsFile, TreatyFile};
use super::span::Span;
use super::{Member, Treaty, TreatyError, parse};
use crate::parameters::Value;

/// A treaty file that can be rendered with other members, times and parameters.
#[derive(Clone, Debug)]
pub struct TreatyTemplate {
    file: TreatyFile,
    unknown: Option<TreatyError>,
}

impl TreatyTemplate {
    /// Reads a treaty file as a template. It need not be complete; what is rendered must be.
    pub fn parse(bytes: &[u8]) -> Result<Self, TreatyError> {
        Ok(TreatyTemplate { file: parse::read(bytes)?, unknown: None })
    }

    /// The shipped `pause-option` treaty.
    ///
    /// # Panics
    ///
    /// Never: a test parses the shipped file.
    pub fn pause_option() -> Self {
        // The file is part of this crate and parsed by its tests.
        Self::parse(super::PAUSE_OPTION).expect("the shipped treaty reads")
    }

    /// Replaces the treaty's name.
    #[must_use]
    pub fn name(mut self, name: Name) -> Self {
        self.file.name = name;
        self
    }

    /// Replaces the time of genesis.
    #[must_use]
    pub fn genesis_time(mut self, time: Timestamp) -> Self {
        self.file.genesis_time = time;
        self
    }

    /// Replaces the members. All labs among them become the parties whose signature the entry into force needs;
    /// adjudicators that a phase names one by one are dropped where they are no longer members.
    #[must_use]
    pub fn members(mut self, members: Vec<Member>) -> Self {
        let all: BTreeSet<MemberId> = members.iter().map(|member| member.id.clone()).collect();
        let labs = members.iter().filter(|member| member.has(super::Role::Lab)).map(|member| member.id.clone());
        if let Some(entry) = &mut self.file.entry_into_force {
            entry.parties = labs.collect();
        }
        for adjudicators in self.file.phases.iter_mut().flatten().filter_map(|phase| phase.adjudicators.as_mut()) {
            adjudicators.members.retain(|member| all.contains(member));
        }
        self.file.members = Some(members);
        self
    }

    /// Replaces the reporting periods' times; their rationale stays.
    #[must_use]
    pub fn periods(mut self, first_start: Timestamp, length: Span, report_within: Span) -> Self {
        let before = self.file.periods.take().map(|periods| (periods.rationale, periods.capacity));
        let (rationale, capacity) = before.unwrap_or_default();
        self.file.periods = Some(PeriodsFile { rationale, first_start, length, report_within, capacity });
        self
    }

    /// Replaces the ledger's clocks; their text stays.
    #[must_use]
    pub fn clocks(mut self, heartbeat: Span, max_skew: Span, outage_heartbeats: u32) -> Self {
        if let Some(clocks) = &mut self.file.clocks {
            clocks.heartbeat = heartbeat;
            clocks.max_skew = max_skew;
            clocks.outage_heartbeats = outage_heartbeats;
        }
        self
    }

    /// Lets NVIDIA's reports rest on one root, by SHA-256 of its DER, and those of other vendors on none: for rehearsals with
    /// chains of one's own.
    #[must_use]
    pub fn nvidia_root(mut self, root: Hash) -> Self {
        let (nvidia, amd, intel) = (BTreeSet::from([root]), BTreeSet::new(), BTreeSet::new());
        self.file.hardware = Some(HardwareFile { text: "A root for a rehearsal.".to_owned(), nvidia, amd, intel });
        self
    }

    /// Sets one parameter of a clause: in one phase, or (`None`) the clause's own, which phases override.
    #[must_use]
    pub fn parameter(mut self, clause: &str, phase: Option<&str>, key: &str, value: Value) -> Self {
        let table = match phase {
            None => {
                let mut clauses = self.file.clauses.iter_mut().flatten();
                clauses.find(|listed| listed.id.as_str() == clause).map(|listed| &mut listed.parameters)
            }
            Some(phase) => {
                let mut phases = self.file.phases.iter_mut().flatten();
                let phase = phases.find(|listed| listed.id.as_str() == phase);
                let mut in_force = phase.into_iter().flat_map(|phase| &mut phase.clauses);
                in_force.find(|listed| listed.clause.as_str() == clause).map(|listed| &mut listed.parameters)
            }
        };
        match table {
            Some(table) => drop(table.insert(key.to_owned(), value.to_toml())),
            None => self.unknown = Some(unknown(clause, phase)),
        }
        self
    }

    /// Writes the file with a note of what was changed, and parses it.
    pub fn render(mut self, adaptation: &str) -> Result<(Treaty, Vec<u8>), TreatyError> {
        if let Some(error) = self.unknown {
            return Err(error);
        }
        self.file.adaptation = Some(adaptation.to_owned());
        let text = toml::to_string_pretty(&self.file);
        let text = text.map_err(|error| TreatyError::Malformed { reason: error.to_string() })?;
        let treaty = Treaty::parse(text.as_bytes())?;
        Ok((treaty, text.into_bytes()))
    }
}

fn unknown(clause: &str, phase: Option<&str>) -> TreatyError {
    let place = phase.map_or_else(|| "the clauses".to_owned(), |phase| format!("phase `{phase}`"));
    TreatyError::OutOfRange {
        article: "parameters".to_owned(),
        reason: format!("clause `{clause}` is not among those of {place}"),
    }
}
