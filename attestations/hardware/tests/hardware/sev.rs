//! A real SEV-SNP guest's report from a Milan processor, and certificates of a Turin one.

use standstill_hardware::{CertificateError, Evidence, HardwareError, Roots, Technology, pem, sev};
use standstill_protocol::hash::Hash;

use super::spoil::{Changes, none_survives};
use super::{AT, hex, time, verify};

const REPORT: &[u8] = include_bytes!("../evidence/sev/report-milan.hex");
const CHAIN: &[u8] = include_bytes!("../evidence/sev/chain-milan.pem");
const TURIN: &[u8] = include_bytes!("../evidence/sev/chain-turin.pem");

fn genuine() -> Evidence {
    Evidence::from_files(REPORT, CHAIN).unwrap()
}

/// What the guest put in: 64 bytes of its own choice.
fn report_data() -> [u8; 64] {
    genuine().report[0x50..0x90].try_into().unwrap()
}

fn check(evidence: &Evidence) -> Result<(Hash, sev::SevSnpFacts), HardwareError> {
    sev::verify(&evidence.report, &evidence.certificates, &Roots::pinned().amd, &report_data(), time(AT))
}

#[test]
fn a_real_guests_report_verifies_offline() {
    assert_eq!(genuine().technology, Technology::AmdSevSnp);
    let (device, facts) = check(&genuine()).unwrap();
    assert_eq!(device, Hash::sha256(&facts.chip_id));
    assert_eq!(facts.product, "Milan-B0");
    assert_eq!((facts.version, facts.policy, facts.vmpl), (2, 0x30000, 0));
    assert_eq!(hex(&facts.reported_tcb), "0300000000000873");
    assert!(hex(&facts.chip_id).starts_with("d49554ec717f4e5b0fe6b143bcf0405b"));
}

#[test]
fn the_nonce_fills_the_first_half_of_the_report_data() {
    let refused = verify(&genuine(), Hash::from_bytes([7; 32])).unwrap_err();
    let found = hex(&report_data());
    assert_eq!(refused, HardwareError::NonceDiffers { expected: Hash::from_bytes([7; 32]), found });
}

#[test]
fn no_byte_of_report_or_certificates_is_free() {
    let genuine = genuine();
    let report = |report: &[u8]| check(&Evidence { report: report.to_vec(), ..genuine.clone() }).is_ok();
    assert_eq!(none_survives(&genuine.report, Changes::OneBitPerByte, report), sev::REPORT_BYTES);
    let mut changed = 0;
    for (index, certificate) in genuine.certificates.iter().enumerate() {
        changed += none_survives(certificate, Changes::OneBitPerByte, |bytes| {
            let mut evidence = genuine.clone();
            evidence.certificates[index] = bytes.to_vec();
            check(&evidence).is_ok()
        });
    }
    assert_eq!(changed, genuine.certificates.iter().map(Vec::len).sum::<usize>());
}

#[test]
fn bytes_that_nothing_signs_have_to_be_zero() {
    for place in [0x2a0 + 48, 0x2a0 + 72 + 71, 0x2a0 + 144, sev::REPORT_BYTES - 1] {
        let mut evidence = genuine();
        evidence.report[place] = 1;
        let refused = check(&evidence).unwrap_err();
        assert_eq!(refused, HardwareError::Field { field: "a byte behind the signature", expected: "0", found: 1 });
    }
}

#[test]
fn a_report_that_is_not_of_this_chip_or_state_is_refused_by_name() {
    let spoiled = |place: usize, value: u8| {
        let mut evidence = genuine();
        evidence.report[place] = value;
        check(&evidence).unwrap_err()
    };
    assert_eq!(spoiled(0, 6), HardwareError::Version { what: "the report", expected: 2, found: 6 });
    assert!(matches!(spoiled(0x34, 2), HardwareError::Field { field: "the signature algorithm", .. }));
    assert!(matches!(spoiled(0x48, 4), HardwareError::Field { field: "the signing key", .. }));
    assert!(matches!(spoiled(0x180, 4), HardwareError::CertificateDiffers { what: "trusted computing base", .. }));
    assert!(matches!(spoiled(0x1a0, 4), HardwareError::CertificateDiffers { what: "chip id", .. }));
    assert_eq!(spoiled(0x90, 4), HardwareError::ReportSignature { what: "the report" });
    for end in [0, 4, 671, 1183] {
        let report = genuine().report[..end].to_vec();
        let refused = check(&Evidence { report, ..genuine() }).unwrap_err();
        assert!(matches!(refused, HardwareError::Truncated { .. }), "{refused}");
    }
    let report = [genuine().report, vec![0]].concat();
    let refused = check(&Evidence { report, ..genuine() }).unwrap_err();
    assert_eq!(refused, HardwareError::TrailingBytes { what: "the report", count: 1 });
}

#[test]
fn chains_of_two_generations_hold_and_do_not_mix() {
    let turin = pem::certificates(TURIN).unwrap();
    // Its chain is proved before its chip is found to be another one.
    let refused = check(&Evidence { certificates: turin.clone(), ..genuine() }).unwrap_err();
    assert!(matches!(refused, HardwareError::CertificateDiffers { what: "chip id", .. }), "{refused}");
    let mut mixed = genuine().certificates;
    mixed[0] = turin[0].clone();
    let refused = check(&Evidence { certificates: mixed, ..genuine() }).unwrap_err();
    assert_eq!(refused, HardwareError::Certificate { index: 0, problem: CertificateError::Issuer });
    let refused = genuine().verify(&Roots { amd: Vec::new(), ..Roots::pinned() }, Hash::ZERO, time(AT)).unwrap_err();
    assert!(matches!(refused, HardwareError::UnknownRoot { .. }));
}

#[test]
fn an_expired_chip_certificate_is_refused() {
    let at = time("2031-01-01T00:00:00Z");
    let evidence = genuine();
    let refused = sev::verify(&evidence.report, &evidence.certificates, &Roots::pinned().amd, &report_data(), at);
    let HardwareError::Certificate { index: 0, problem } = refused.unwrap_err() else { panic!() };
    assert!(matches!(problem, CertificateError::Expired { .. }), "{problem}");
}
