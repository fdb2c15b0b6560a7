//! A real H100's report: what it says, and that no spoiled copy of it is believed.

use standstill_hardware::nvidia::{Architecture, Report, Signer};
use standstill_hardware::{CertificateError, Evidence, Facts, HardwareError, Roots, Technology, pem};
use standstill_protocol::hash::Hash;

use super::forge::{forge, replace, roots_of, sign_report};
use super::spoil::{Changes, none_survives};
use super::{AT, hex, time, verify};

const REPORT: &[u8] = include_bytes!("../evidence/nvidia/hopperAttestationReport.txt");
const CHAIN: &[u8] = include_bytes!("../evidence/nvidia/hopperCertChain.txt");
/// What the verifier who collected the report asked.
const NONCE: &str = "931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb";

fn genuine() -> Evidence {
    Evidence::from_files(REPORT, CHAIN).unwrap()
}

fn nonce() -> Hash {
    NONCE.parse().unwrap()
}

/// Certificate `index` is refused for `problem`.
fn at(index: usize, problem: CertificateError) -> HardwareError {
    HardwareError::Certificate { index, problem }
}

#[test]
fn a_real_chip_report_verifies_offline() {
    let verified = verify(&genuine(), nonce()).unwrap();
    assert_eq!(verified.technology, Technology::NvidiaSpdm);
    assert_eq!(verified.device.to_string(), "0456ef114633549618e8fbe54ece97118b2f034f11b036980137a15264a46d07");
    let Facts::Nvidia(facts) = &verified.facts else { panic!("{verified:?}") };
    assert_eq!(facts.architecture, Architecture::Hopper);
    let info = facts.device_info.clone().unwrap();
    let expected = [
        (facts.chip.as_str(), "GH100"),
        (info.manufacturer.as_str(), "NVIDIA"),
        (info.product.as_str(), "GH100"),
        (info.serial.as_str(), "48B02D92494BADF4"),
        (facts.chip_certificate.as_str(), "GH100 A01 GSP BROM 41431D480FE5E87274"),
        (facts.signer_serial.as_str(), "53c22ba15e5d68088282da074ed9fb37aa585771"),
        (facts.driver_version.as_str(), "550.90.07"),
        (facts.vbios_version.as_str(), "96.00.9F.00.01"),
    ];
    for (found, expected) in expected {
        assert_eq!(found, expected);
    }
    assert!(hex(&facts.fwid).starts_with("f5c384aebb579217a2c66b17ed0f28e6"));
    assert!(hex(&facts.gpu_nonce).starts_with("b4b8a06aaaa35542"));
    assert_eq!(facts.measurements.len(), 64);
    let indices: Vec<u8> = facts.measurements.iter().map(|m| m.index).collect();
    assert_eq!(indices, (1..=64).collect::<Vec<u8>>());
    assert!(facts.measurements.iter().all(|m| m.value.len() == 48 && m.kind == 1));
}

#[test]
fn a_person_reads_what_it_says_and_what_it_does_not_prove() {
    let text = verify(&genuine(), nonce()).unwrap().describe();
    for part in ["NVIDIA GH100 (Hopper)", "48B02D92494BADF4", "550.90.07", "96.00.9F.00.01", NONCE, "does not prove"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn no_byte_of_the_report_is_free() {
    assert_eq!(spoil_report(Changes::OneBitPerByte), 4117);
}

#[test]
fn no_byte_of_a_certificate_is_free() {
    assert_eq!(spoil_chain(Changes::OneBitPerByte), 897 + 596 + 686 + 654 + 527);
}

#[test]
#[ignore = "every bit of report and chain: minutes; `cargo test -- --ignored` runs it"]
fn no_bit_of_report_or_chain_is_free() {
    assert_eq!(spoil_report(Changes::EveryBit), 8 * 4117);
    assert_eq!(spoil_chain(Changes::EveryBit), 8 * 3360);
}

/// Reports that differ from the real one in one place, against its own chain.
fn spoil_report(changes: Changes) -> usize {
    let genuine = genuine();
    let signer = Signer::verify(&genuine.certificates, &Roots::pinned().nvidia, time(AT)).unwrap();
    signer.answers(&genuine.report, nonce()).unwrap();
    none_survives(&genuine.report, changes, |report| signer.answers(report, nonce()).is_ok())
}

/// Chains that differ from the real one in one place of one certificate.
fn spoil_chain(changes: Changes) -> usize {
    let genuine = genuine();
    let each = genuine.certificates.iter().enumerate().map(|(index, certificate)| {
        none_survives(certificate, changes, |bytes| {
            let mut certificates = genuine.certificates.clone();
            certificates[index] = bytes.to_vec();
            Signer::verify(&certificates, &Roots::pinned().nvidia, time(AT)).is_ok()
        })
    });
    each.sum()
}

#[test]
fn no_byte_of_the_files_is_free() {
    // What is read from a changed file is refused, or other bytes: and no other bytes verify.
    let genuine = genuine();
    let report = |file: &[u8]| Evidence::from_files(file, &[]).is_ok_and(|read| read.report == genuine.report);
    assert_eq!(none_survives(REPORT, Changes::EveryBit, report), 8 * 8234);
    let chain = |file: &[u8]| pem::certificates(file).is_ok_and(|read| read == genuine.certificates);
    assert_eq!(none_survives(CHAIN, Changes::EveryBit, chain), 8 * 4825);
}

#[test]
fn a_report_cut_anywhere_is_refused() {
    let genuine = genuine();
    for end in 0..genuine.report.len() {
        let refused = Report::parse(&genuine.report[..end]).unwrap_err();
        assert!(matches!(refused, HardwareError::Truncated { .. }), "{end}: {refused}");
    }
    let report = [genuine.report.as_slice(), &[0]].concat();
    let refused = verify(&Evidence { report, ..genuine.clone() }, nonce()).unwrap_err();
    assert_eq!(refused, HardwareError::TrailingBytes { what: "the report", count: 1 });
}

#[test]
fn each_field_of_the_report_that_is_not_as_it_must_be_has_its_own_error() {
    let cases: [(usize, u8, HardwareError); 9] = [
        (0, 0x12, HardwareError::Version { what: "the request", expected: 0x11, found: 0x12 }),
        (1, 0x84, HardwareError::SpdmCode { what: "the request", expected: 0xe0, found: 0x84 }),
        (2, 0, HardwareError::Field { field: "the request's attributes", expected: "1, signed", found: 0 }),
        (3, 1, HardwareError::Field { field: "the request's operation", expected: "0xff, all", found: 1 }),
        (37, 0x10, HardwareError::Version { what: "the answer", expected: 0x11, found: 0x10 }),
        (38, 0x7f, HardwareError::SpdmCode { what: "the answer", expected: 0x60, found: 0x7f }),
        (41, 63, HardwareError::TrailingBytes { what: "the measurement record", count: 55 }),
        (45 + 55, 1, HardwareError::Repeated { what: "measurement", number: 1 }),
        (46, 2, HardwareError::Measurement { index: 1 }),
    ];
    for (place, value, expected) in cases {
        let mut evidence = genuine();
        evidence.report[place] = value;
        assert_eq!(Report::parse(&evidence.report).unwrap_err(), expected, "byte {place}");
    }
}

#[test]
fn another_nonce_is_named_before_the_signature_is_looked_at() {
    let other = Hash::from_bytes([7; 32]);
    let refused = verify(&genuine(), other).unwrap_err();
    assert_eq!(refused, HardwareError::NonceDiffers { expected: other, found: NONCE.to_owned() });
    // Whoever writes the wanted nonce into the report breaks its signature.
    let mut evidence = genuine();
    evidence.report[4..36].copy_from_slice(other.as_bytes());
    assert_eq!(verify(&evidence, other).unwrap_err(), HardwareError::ReportSignature { what: "the report" });
}

#[test]
fn time_is_an_argument_and_both_ends_of_validity_count() {
    let verify_at = |text: &str| genuine().verify(&Roots::pinned(), nonce(), time(text)).map(|_| ());
    let until = time("9999-12-31T23:59:59Z");
    let before = |index, from: &str, now: &str| {
        Err(at(index, CertificateError::NotYetValid { from: time(from), at: time(now) }))
    };
    let cases = [
        ("2021-11-04T23:59:59.999Z", before(4, "2021-11-05T00:00:00Z", "2021-11-04T23:59:59.999Z")),
        ("2021-11-05T00:00:00Z", before(3, "2022-01-12T00:00:00Z", "2021-11-05T00:00:00Z")),
        ("2022-02-28T23:59:59Z", before(2, "2022-03-01T00:00:00Z", "2022-02-28T23:59:59Z")),
        ("2022-03-01T00:00:00Z", Ok(())),
        ("9999-12-31T23:59:59Z", Ok(())),
        ("9999-12-31T23:59:59.001Z", {
            Err(at(4, CertificateError::Expired { until, at: time("9999-12-31T23:59:59.001Z") }))
        }),
    ];
    for (text, expected) in cases {
        assert_eq!(verify_at(text), expected, "{text}");
    }
}

#[test]
fn a_chain_in_another_order_or_of_another_length_is_refused() {
    let genuine = genuine();
    let with = |certificates: Vec<Vec<u8>>| verify(&Evidence { certificates, ..genuine.clone() }, nonce()).unwrap_err();
    let chain = &genuine.certificates;
    let mut swapped = chain.clone();
    swapped.swap(1, 2);
    assert_eq!(with(swapped), at(2, CertificateError::Issuer));
    let reversed: Vec<Vec<u8>> = chain.iter().rev().cloned().collect();
    assert!(matches!(with(reversed), HardwareError::UnknownRoot { .. }));
    let missing = [&chain[..2], &chain[3..]].concat();
    assert_eq!(with(missing), HardwareError::ChainLength { certificates: 4 });
    let replaced = [&chain[..2], &chain[3..], &chain[4..]].concat();
    assert_eq!(with(replaced), at(1, CertificateError::Issuer));
    let extra = [&chain[..1], &chain[..]].concat();
    assert_eq!(with(extra), HardwareError::ChainLength { certificates: 6 });
    let headless = chain[..4].to_vec();
    assert_eq!(with(headless), HardwareError::ChainLength { certificates: 4 });
    assert_eq!(with(Vec::new()), HardwareError::ChainLength { certificates: 0 });
}

#[test]
fn a_chain_of_ones_own_with_the_same_names_is_believed_only_by_who_pins_its_root() {
    let forged = forge(&genuine(), &|_, _| {});
    let found = Hash::sha256(forged.certificates.last().unwrap());
    assert_eq!(verify(&forged, nonce()).unwrap_err(), HardwareError::UnknownRoot { found });
    let other = forged.verify(&roots_of(&forged), nonce(), time(AT)).unwrap();
    assert_ne!(other.device, verify(&genuine(), nonce()).unwrap().device);

    // With NVIDIA's root at its end, its own signatures do not hold.
    let mut mixed = forged.clone();
    mixed.certificates[4] = genuine().certificates[4].clone();
    assert_eq!(verify(&mixed, nonce()).unwrap_err(), at(3, CertificateError::Signature));
    // A real chain does not carry a report signed by somebody else.
    let mut stolen = genuine();
    sign_report(&mut stolen.report);
    assert_eq!(verify(&stolen, nonce()).unwrap_err(), HardwareError::ReportSignature { what: "the report" });
}

#[test]
fn what_a_vendor_signs_wrongly_is_refused_all_the_same() {
    let refused = |change: &dyn Fn(usize, &mut Vec<u8>)| {
        let forged = forge(&genuine(), change);
        forged.verify(&roots_of(&forged), nonce(), time(AT)).unwrap_err()
    };
    let only = |wanted: usize, from: &'static [u8], to: &'static [u8]| {
        refused(&move |index, tbs: &mut Vec<u8>| {
            if index == wanted {
                replace(tbs, from, to);
            }
        })
    };
    let (until, at_time) = (time("2025-01-01T00:00:00Z"), time(AT));
    let expired = CertificateError::Expired { until, at: at_time };
    for index in 0..5 {
        assert_eq!(only(index, b"99991231235959Z", b"20250101000000Z"), at(index, expired.clone()));
    }
    // The critical flag of keyUsage on an extension that nobody knows.
    let unknown = CertificateError::UnknownCriticalExtension { oid: "2.5.29.127".into() };
    assert_eq!(only(1, &[0x55, 0x1d, 0x0f], &[0x55, 0x1d, 0x7f]), at(1, unknown));
    // CA:TRUE becomes FALSE, then keyCertSign becomes cRLSign.
    let basic: (&[u8], &[u8]) = (&[0x30, 3, 1, 1, 0xff], &[0x30, 3, 1, 1, 0]);
    assert_eq!(only(3, basic.0, basic.1), at(3, CertificateError::NotAnAuthority));
    assert_eq!(only(1, &[3, 2, 2, 4], &[3, 2, 1, 2]), at(1, CertificateError::NotAnAuthority));
    // digitalSignature becomes keyEncipherment.
    assert_eq!(only(0, &[3, 2, 7, 0x80], &[3, 2, 5, 0x20]), at(0, CertificateError::NotASigner));
    // Another key of the issuer is named.
    let key_id: (&[u8], &[u8]) = (&[0x30, 0x16, 0x80, 0x14, 0xcf, 0xcc], &[0x30, 0x16, 0x80, 0x14, 0xcf, 0xcd]);
    assert_eq!(only(0, key_id.0, key_id.1), at(0, CertificateError::KeyIdentifier));
    // Version 2, and a curve that is not read.
    assert_eq!(only(2, &[0xa0, 3, 2, 1, 2], &[0xa0, 3, 2, 1, 1]), at(2, CertificateError::Version));
    assert_eq!(only(3, &[0x2b, 0x81, 4, 0, 0x22], &[0x2b, 0x81, 4, 0, 0x23]), at(3, CertificateError::Key));
}

#[test]
fn the_firmware_of_the_report_is_that_of_the_certificate() {
    let mut forged = forge(&genuine(), &|_, _| {});
    replace(&mut forged.report, &[20, 0, 48, 0, 0xf5], &[20, 0, 48, 0, 0xf6]);
    sign_report(&mut forged.report);
    let refused = forged.verify(&roots_of(&forged), nonce(), time(AT)).unwrap_err();
    let HardwareError::FwidDiffers { report, certificate } = refused else { panic!("{refused}") };
    assert_eq!((&report[..4], &certificate[..4]), ("f6c3", "f5c3"));

    let mut silent = forge(&genuine(), &|_, _| {});
    replace(&mut silent.report, &[20, 0, 48, 0, 0xf5], &[99, 0, 48, 0, 0xf5]);
    sign_report(&mut silent.report);
    let refused = silent.verify(&roots_of(&silent), nonce(), time(AT)).unwrap_err();
    assert_eq!(refused, HardwareError::FieldMissing { field: "firmware id" });

    let nameless = forge(&genuine(), &|index, tbs| {
        if index == 0 {
            replace(tbs, &[0x67, 0x81, 5, 5, 4, 1], &[0x67, 0x81, 5, 5, 4, 9]);
        }
    });
    let refused = nameless.verify(&roots_of(&nameless), nonce(), time(AT)).unwrap_err();
    assert_eq!(refused, HardwareError::FwidMissing);
}

#[test]
fn files_have_one_form() {
    let upper = REPORT.to_ascii_uppercase();
    assert_eq!(Evidence::from_files(&upper, CHAIN).unwrap(), genuine());
    let mut mixed = upper;
    mixed[2] = b'e';
    mixed[3] = b'0';
    assert_eq!(Evidence::from_files(&mixed, CHAIN).unwrap_err(), HardwareError::NotAReport { bytes: 8234 });
    assert_eq!(Evidence::from_files(&genuine().report, CHAIN).unwrap(), genuine());
    assert_eq!(Evidence::from_files(b"[]", CHAIN).unwrap_err(), HardwareError::NotAReport { bytes: 2 });
    let text = String::from_utf8(CHAIN.to_vec()).unwrap();
    let spoiled = [
        text.replacen('\n', "\r\n", 1),
        text.replace('\n', "\r"),
        text.replacen("\n-----END", "\n\n-----END", 1),
        format!("{text}\n\n"),
        format!("subject=GPU\n{text}"),
        text.replacen("CERTIFICATE", "X509 CRL", 1),
        String::new() + "-----BEGIN CERTIFICATE-----\n",
    ];
    for spoiled in spoiled {
        assert!(matches!(pem::certificates(spoiled.as_bytes()), Err(HardwareError::Pem { .. })), "{spoiled}");
    }
    for same in [format!("{text}\n"), text.replace('\n', "\r\n"), format!("{text}\n").replace('\n', "\r\n")] {
        assert_eq!(pem::certificates(same.as_bytes()).unwrap(), genuine().certificates);
    }
    let again: String = genuine().certificates.iter().map(|der| pem::encode(der)).collect();
    assert_eq!(again.trim_end(), text);
}

#[test]
fn a_report_is_read_without_being_believed() {
    let evidence = genuine();
    let report = Report::parse(&evidence.report).unwrap();
    assert_eq!(hex(&report.nonce), NONCE);
    assert_eq!(report.field(17), Some(&b"1010\0"[..]));
    assert_eq!(report.opaque.len(), 14);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = Report::parse(&[&[0x11, 0xe0, 1, 0xff], bytes.as_slice()].concat());
        let mut evidence = genuine();
        evidence.certificates[0] = [&[0x30, 0x82], bytes.as_slice()].concat();
        proptest::prop_assert!(verify(&evidence, nonce()).is_err());
    }
}

/// As many fields as 65,535 bytes hold: reading them takes time in proportion to their number.
#[test]
fn a_field_of_the_opaque_data_stands_once_however_many_there_are() {
    let genuine = genuine().report;
    let opaque = genuine.len() - 96 - 2 - opaque_bytes(&genuine);
    let with = |kinds: &[u16]| {
        let fields: Vec<u8> = kinds.iter().flat_map(|kind| [kind.to_le_bytes(), [0; 2]].concat()).collect();
        let length = u16::try_from(fields.len()).unwrap().to_le_bytes();
        [&genuine[..opaque], &length, &fields, &[0; 96]].concat()
    };
    let mut kinds: Vec<u16> = (0..15_000).collect();
    let read = Report::parse(&with(&kinds)).map(|_| ());
    assert!(!matches!(read, Err(HardwareError::Repeated { .. } | HardwareError::Truncated { .. })), "{read:?}");
    kinds[14_999] = 7;
    let refused = Report::parse(&with(&kinds)).unwrap_err();
    assert_eq!(refused, HardwareError::Repeated { what: "field", number: 7 });
}

/// The length of the opaque data, which stands before it and ends where the signature begins.
fn opaque_bytes(report: &[u8]) -> usize {
    let end = report.len() - 96;
    (0..end - 2)
        .find(|at| usize::from(u16::from_le_bytes([report[*at], report[at + 1]])) == end - at - 2)
        .map_or(0, |at| end - at - 2)
}
