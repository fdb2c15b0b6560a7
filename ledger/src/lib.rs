//! The state machine: entries in order become members, obligations and verdicts. Also bundles and receipts.

pub mod bundle;
