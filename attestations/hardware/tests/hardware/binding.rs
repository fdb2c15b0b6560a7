//! What binds evidence to a ledger, and what the roots are.

use standstill_hardware::{HardwareError, Head, Roots, Technology, expected_nonce, pem, roots};
use standstill_protocol::hash::Hash;

#[test]
fn the_nonce_depends_on_each_of_its_parts() {
    let hash = |byte| Hash::from_bytes([byte; 32]);
    let head = Head { size: 7, root: hash(2) };
    let nonce = expected_nonce(hash(1), head, hash(3));
    assert_eq!(nonce.to_string(), "00a651f84a26229126daadc33c325b11bef505e3743aebc59335a896979b348b");
    let others = [
        expected_nonce(hash(9), head, hash(3)),
        expected_nonce(hash(1), Head { size: 8, ..head }, hash(3)),
        expected_nonce(hash(1), Head { root: hash(9), ..head }, hash(3)),
        expected_nonce(hash(1), head, hash(9)),
    ];
    assert!(others.iter().all(|other| *other != nonce));
}

#[test]
fn each_pinned_hash_is_that_of_the_root_it_names() {
    let hash = |text: &str| Hash::sha256(&pem::certificates(text.as_bytes()).unwrap()[0]);
    let pinned = Roots::pinned();
    assert_eq!(pinned.nvidia, [hash(roots::NVIDIA_DEVICE_IDENTITY_CA)]);
    assert_eq!(pinned.amd, [roots::AMD_ARK_MILAN, roots::AMD_ARK_GENOA, roots::AMD_ARK_TURIN].map(hash));
    assert_eq!(pinned.intel, [hash(roots::INTEL_SGX_ROOT_CA)]);
    let source = include_str!("../../src/roots.rs");
    for root in [&pinned.nvidia, &pinned.amd, &pinned.intel].into_iter().flatten() {
        assert!(source.contains(&format!("`{root}`")), "the table of roots does not name {root}");
    }
}

#[test]
fn technologies_have_one_name_each() {
    for technology in Technology::ALL {
        assert_eq!(technology.name().parse::<Technology>().unwrap(), technology);
    }
    let unknown = "nvidia-nras".parse::<Technology>().unwrap_err();
    assert_eq!(unknown, HardwareError::UnknownTechnology { name: "nvidia-nras".into() });
}
