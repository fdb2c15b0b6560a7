//! The ground floor of Standstill: bytes, and what makes them trustworthy.
//!
//! Nothing here does I/O, asks for the time or draws randomness. Each module is one format or one primitive,
//! and opens with an example of its bytes.
//!
//! ```text
//! statement ──signed──▶ dsse::Envelope ──leaf──▶ log ──root──▶ block::Header ──signed by a quorum──▶ Certificate
//!                                                  └─root──▶ checkpoint ──cosigned──▶ a note that others' tools read
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`hash`] | [`hash::Hash`], domain tags |
//! | [`keys`] | ed25519, strict verification |
//! | [`codec`] | the one binary codec: strict bincode |
//! | [`units`] | [`units::Flop`], [`units::Joule`], [`units::Timestamp`] |
//! | [`json`] | strict JSON: duplicate names, fractions and lone surrogates are refused |
//! | [`log`] | RFC 6962 Merkle log, with inclusion and consistency proofs |
//! | [`tiles`] | the log as immutable files |
//! | [`note`], [`checkpoint`], [`cosignature`] | the head of the log, signed so that others' tools read it |
//! | [`tlog_policy`], [`tlog_proof`] | whose signatures count; receipts |
//! | [`dsse`] | signed envelopes, one canonical byte form |
//! | [`block`], [`certificate`], [`validators`] | what consensus agrees on, and the proof that it did |
//!
//! Decoders are strict: bounded before they allocate, no trailing bytes, and decode then encode gives the same bytes.

pub mod block;
pub mod certificate;
pub mod checkpoint;
pub mod codec;
pub mod cosignature;
pub mod dsse;
pub mod evidence;
pub mod hash;
pub mod json;
pub mod keys;
pub mod log;
pub mod member;
pub mod note;
pub mod tiles;
pub mod tlog_policy;
pub mod tlog_proof;
pub mod units;
pub mod validators;

/// The version of the rules by which a block is executed; a header names it and `apply` dispatches on it.
pub const PROTOCOL_VERSION: u32 = 1;
