//! The clauses that ship with the project, as committed in `wasm-policies/dist`.

/// Per-run cap.
pub const RUN_CAP: &[u8] = include_bytes!("../../wasm-policies/dist/run-cap.wasm");
/// Reporting: missing and late.
pub const REPORTING: &[u8] = include_bytes!("../../wasm-policies/dist/reporting.wasm");
/// Slowdown schedule.
pub const SLOWDOWN: &[u8] = include_bytes!("../../wasm-policies/dist/slowdown.wasm");

/// What `sha256sum` said when the modules were built: one line each, `digest  name.wasm`.
pub const SHA256SUMS: &str = include_str!("../../wasm-policies/dist/SHA256SUMS");

/// Every shipped clause: its name, and its module.
pub const ALL: [(&str, &[u8]); 3] = [("reporting", REPORTING), ("run-cap", RUN_CAP), ("slowdown", SLOWDOWN)];

/// The module with this SHA-256, if it ships.
pub fn by_hash(hash: &standstill_protocol::hash::Hash) -> Option<&'static [u8]> {
    ALL.into_iter().map(|(_, module)| module).find(|module| standstill_protocol::hash::Hash::sha256(module) == *hash)
}
