//! ed25519: the published edge cases that verifiers disagree on are refused.

use standstill_protocol::keys::{KeyError, PublicKey, Signature};

use crate::test_key;

/// The eight points of small order, and non-canonical encodings of some of them.
const SMALL_ORDER: [&str; 11] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/// The order of the base point, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[test]
fn keys_of_small_order_are_refused_whatever_they_sign() {
    for text in SMALL_ORDER {
        let key: PublicKey = text.parse().unwrap();
        assert_eq!(key.parse().unwrap_err(), KeyError::InvalidPublicKey, "{text}");
        // R = A, s = 0 verifies under a small-order key for many messages where verification is lax.
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(key.as_bytes());
        assert!(key.verify(b"anything", &Signature::from_bytes(bytes)).is_err(), "{text}");
    }
}

/// The rule said another way: a point that is not of small order, under the one encoding that compressing it gives.
fn by_compressing(bytes: &[u8; 32]) -> bool {
    ed25519_dalek::VerifyingKey::from_bytes(bytes)
        .is_ok_and(|key| !key.is_weak() && key.to_edwards().compress().to_bytes() == *bytes)
}

#[test]
fn a_point_is_taken_under_one_encoding_only() {
    let mut taken = 0;
    // Every y from 2^255 - 256 to 2^255 - 1, of which the last 19 have a second form below 19; and every y below 256.
    for (low, rest, high) in (0..=u8::MAX).flat_map(|low| [(low, 0xff, 0x7f), (low, 0, 0)]) {
        for sign in [0, 0x80] {
            let mut bytes = [rest; 32];
            (bytes[0], bytes[31]) = (low, high | sign);
            let key = PublicKey::from_bytes(bytes);
            assert_eq!(key.parse().is_ok(), by_compressing(&bytes), "{key:?}");
            taken += usize::from(key.parse().is_ok());
        }
    }
    assert!(taken > 100, "{taken}");
}

proptest::proptest! {
    #[test]
    fn any_32_bytes_are_a_key_exactly_if_compressing_gives_them_again(bytes: [u8; 32]) {
        proptest::prop_assert_eq!(PublicKey::from_bytes(bytes).parse().is_ok(), by_compressing(&bytes));
    }
}

#[test]
fn a_small_order_commitment_is_refused() {
    let key = test_key("a");
    let signature = key.sign(b"message");
    for text in SMALL_ORDER {
        let mut bytes = *signature.as_bytes();
        bytes[..32].copy_from_slice(&hex::decode(text).unwrap());
        assert_eq!(key.public_key().verify(b"message", &Signature::from_bytes(bytes)), Err(KeyError::InvalidSignature));
    }
}

#[test]
fn a_signature_has_one_form() {
    let key = test_key("a");
    let signature = key.sign(b"message");
    key.public_key().verify(b"message", &signature).unwrap();
    // s + l verifies too where s is not checked to be reduced.
    let mut bytes = *signature.as_bytes();
    let mut carry = 0u16;
    for (byte, order) in bytes[32..].iter_mut().zip(ORDER) {
        carry += u16::from(*byte) + u16::from(order);
        *byte = carry as u8;
        carry >>= 8;
    }
    assert_ne!(&bytes, signature.as_bytes());
    assert_eq!(key.public_key().verify(b"message", &Signature::from_bytes(bytes)), Err(KeyError::InvalidSignature));
    for bit in 0..512 {
        let mut bytes = *signature.as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(key.public_key().verify(b"message", &Signature::from_bytes(bytes)).is_err(), "bit {bit}");
    }
}

#[test]
fn a_key_that_is_no_point_is_refused() {
    let mut not_points = 0;
    for byte in 0..=255u8 {
        let key = PublicKey::from_bytes([byte; 32]);
        not_points += usize::from(key.parse().is_err());
        let _ = key.verify(b"", &Signature::from_bytes([byte; 64]));
    }
    assert!(not_points > 64, "about half of all strings are no point, and some are too large: {not_points}");
}

#[test]
fn a_point_has_one_encoding() {
    // y = 2^255 - 19 + n for n < 19 stands for n; where n is on the curve, lax decoders take both.
    let mut on_the_curve = 0;
    for n in 0..19u8 {
        for sign in [0x00, 0x80] {
            let mut beyond = [0xff; 32];
            beyond[0] = 0xed + n;
            beyond[31] = 0x7f | sign;
            assert_eq!(PublicKey::from_bytes(beyond).parse(), Err(KeyError::InvalidPublicKey), "{n} {sign}");
            let mut reduced = [0; 32];
            reduced[0] = n;
            reduced[31] = sign;
            on_the_curve += usize::from(PublicKey::from_bytes(reduced).parse().is_ok());
        }
    }
    assert!(on_the_curve > 4, "some of the reduced ones are keys: {on_the_curve}");
}

#[test]
fn rfc_8032_test_1() {
    let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
    let key = standstill_protocol::keys::SecretKey::from_seed(&seed.try_into().unwrap());
    assert_eq!(key.public_key().to_string(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert_eq!(
        key.sign(b"").to_string(),
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    );
    assert!(!format!("{key:?}").contains("9d61"), "a secret key never shows its seed");
}

#[test]
fn signatures_and_keys_are_hex_in_json() {
    let signature = test_key("a").sign(b"x");
    let text = serde_json::to_string(&signature).unwrap();
    assert_eq!(serde_json::from_str::<Signature>(&text).unwrap(), signature);
    assert!(serde_json::from_str::<Signature>("\"00\"").is_err());
    assert!(serde_json::from_str::<Signature>(&text.to_uppercase()).is_err());
}
