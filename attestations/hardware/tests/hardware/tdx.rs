//! Real quotes of TDX guests: version 4, version 5, and version 5 with the extended body.

use standstill_hardware::{CertificateError, Evidence, HardwareError, Roots, Technology, tdx};
use standstill_protocol::hash::Hash;

use super::spoil::{Changes, none_survives};
use super::{AT, hex, time, verify};

const QUOTE_V4: &[u8] = include_bytes!("../evidence/tdx/quote-v4.bin");
const QUOTE_V5: &[u8] = include_bytes!("../evidence/tdx/quote-v5.bin");
const EXTENDED: &[u8] = include_bytes!("../evidence/tdx/quote-v5-extended.bin");
/// What the guest of the version 5 quote put in: 32 bytes of its own, then zeros, as we ask it of a nonce.
const NONCE_V5: &str = "d2142b643598eb5fae2bc8529dd79a558b29f868ccbb6531cb28dab9dce47728";

fn read(quote: &[u8]) -> Evidence {
    Evidence::from_files(quote, &[]).unwrap()
}

/// Where the guest's report starts.
fn body(evidence: &Evidence) -> usize {
    if evidence.report[0] == 5 { 54 } else { 48 }
}

/// Verifies a quote for the report data that stands in `genuine`.
fn check(quote: &[u8], genuine: &Evidence) -> Result<(Hash, tdx::TdxFacts), HardwareError> {
    let from = body(genuine) + 520;
    let report_data = genuine.report[from..from + 64].try_into().unwrap();
    tdx::verify(quote, &[], &Roots::pinned().intel, &report_data, time(AT))
}

#[test]
fn real_quotes_verify_offline() {
    let table = [
        (QUOTE_V4, 4, "b0c06f000000", 6, "060103"),
        (QUOTE_V5, 5, "90c06f000000", 7, "070103"),
        (EXTENDED, 5, "b0c06f000000", 8, "0f0104"),
    ];
    for (file, version, fmspc, enclave, tcb) in table {
        let evidence = read(file);
        assert_eq!(evidence.technology, Technology::IntelTdx);
        let (_, facts) = check(&evidence.report, &evidence).unwrap();
        assert_eq!((facts.version, facts.quoting_enclave_svn), (version, enclave));
        assert_eq!(hex(&facts.fmspc), fmspc);
        assert!(hex(&facts.tee_tcb_svn).starts_with(tcb), "{}", hex(&facts.tee_tcb_svn));
        assert_eq!(hex(&facts.attributes), "0000001000000000");
    }
}

#[test]
fn a_quote_whose_guest_put_in_the_nonce_and_zeros_answers_it() {
    let verified = verify(&read(QUOTE_V5), NONCE_V5.parse().unwrap()).unwrap();
    let text = verified.describe();
    assert!(text.contains("intel-tdx") && text.contains(NONCE_V5), "{text}");
    let other = Hash::from_bytes([7; 32]);
    let refused = verify(&read(QUOTE_V5), other).unwrap_err();
    assert!(matches!(refused, HardwareError::NonceDiffers { expected, .. } if expected == other), "{refused}");
    // All 64 bytes count: this guest used both halves.
    let first_half = read(QUOTE_V4).report[568..600].try_into().unwrap();
    let refused = verify(&read(QUOTE_V4), Hash::from_bytes(first_half)).unwrap_err();
    assert!(matches!(refused, HardwareError::NonceDiffers { .. }), "{refused}");
}

#[test]
fn no_byte_of_a_quote_is_free() {
    for file in [QUOTE_V4, EXTENDED] {
        let genuine = read(file);
        let changed = none_survives(&genuine.report, Changes::OneBitPerByte, |quote| check(quote, &genuine).is_ok());
        assert_eq!(changed, genuine.report.len());
    }
}

#[test]
fn zeros_that_fill_a_buffer_are_left_behind_and_nothing_else_is() {
    assert_eq!((QUOTE_V4.len(), read(QUOTE_V4).report.len()), (5006, 4936));
    let mut spoiled = QUOTE_V4.to_vec();
    *spoiled.last_mut().unwrap() = 1;
    let evidence = read(&spoiled);
    let refused = check(&evidence.report, &evidence).unwrap_err();
    assert_eq!(refused, HardwareError::TrailingBytes { what: "the quote", count: 70 });
}

#[test]
fn what_is_not_as_it_must_be_is_named() {
    let genuine = read(QUOTE_V5);
    let spoiled = |place: usize, value: u8| {
        let mut quote = genuine.report.clone();
        quote[place] = value;
        check(&quote, &genuine).unwrap_err()
    };
    assert_eq!(spoiled(0, 3), HardwareError::Version { what: "the quote", expected: 4, found: 3 });
    assert!(matches!(spoiled(2, 3), HardwareError::Field { field: "the quote's key type", .. }));
    assert!(matches!(spoiled(4, 0), HardwareError::Field { field: "the quote's kind", .. }));
    assert!(matches!(spoiled(48, 1), HardwareError::Field { field: "the quote's body", .. }));
    // The guest, the quote's signature, the attestation key, the enclave that made it, and what that one vouches for.
    let sections = genuine.report.len() - 4300;
    let cases = [
        (60, "the quote"),
        (sections, "the quote"),
        (sections + 64, "the attestation key"),
        (sections + 134, "the quoting enclave's report"),
        (sections + 134 + 384, "the quoting enclave's report"),
        (sections + 134 + 384 + 64 + 2, "the attestation key"),
    ];
    for (place, what) in cases {
        let other = genuine.report[place] ^ 1;
        assert_eq!(spoiled(place, other), HardwareError::ReportSignature { what }, "byte {place}");
    }
    for end in [0, 47, 700, 2000, genuine.report.len() - 1] {
        let refused = check(&genuine.report[..end], &genuine).unwrap_err();
        assert!(matches!(refused, HardwareError::Truncated { .. }), "{end}: {refused}");
    }
}

#[test]
fn an_expired_platform_certificate_is_refused() {
    let evidence = read(QUOTE_V5);
    let refused = evidence.verify(&Roots::pinned(), NONCE_V5.parse().unwrap(), time("2045-01-01T00:00:00Z"));
    let HardwareError::Certificate { problem, .. } = refused.unwrap_err() else { panic!() };
    assert!(matches!(problem, CertificateError::Expired { .. }), "{problem}");
}

/// The quote with `end` in place of the line feed and the zero byte behind its chain, and its three lengths to match: no
/// signature covers any of them.
fn with_chain_end(quote: &[u8], body: usize, end: &[u8]) -> Vec<u8> {
    let mut other = [&quote[..quote.len() - 2], end].concat();
    let guest = if quote[0] == 5 { u32::from_le_bytes(quote[50..54].try_into().unwrap()) as usize } else { 584 };
    let outer = body + guest;
    let certification = outer + 4 + 64 + 64 + 2;
    let authentication = certification + 4 + 384 + 64;
    let bytes = usize::from(u16::from_le_bytes([quote[authentication], quote[authentication + 1]]));
    for at in [outer, certification, authentication + 2 + bytes + 2] {
        let length = u32::from_le_bytes(quote[at..at + 4].try_into().unwrap());
        let length = length - 2 + u32::try_from(end.len()).unwrap();
        other[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }
    other
}

#[test]
fn a_quote_has_one_form_at_the_end_of_its_chain_too() {
    for file in [QUOTE_V4, QUOTE_V5, EXTENDED] {
        let genuine = read(file);
        let with = |end: &[u8]| with_chain_end(&genuine.report, body(&genuine), end);
        assert_eq!(with(b"\n\0"), genuine.report);
        for end in [b"\n".as_slice(), b"\0", b"", b"\n\n\0", b"\n\0\0", b"\r\n\0"] {
            assert!(check(&with(end), &genuine).is_err(), "{end:?}");
        }
    }
}
