//! JSON, quantities, envelopes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use standstill_protocol::dsse::Envelope;
use standstill_protocol::json::{self, Object};
use standstill_protocol::keys::{PublicKey, Signature};
use standstill_protocol::log::leaf_hash;
use standstill_protocol::member::Name;
use standstill_protocol::units::{Flop, Joule, Timestamp};

use super::{Case, Outcome, Suite, bytes_input, case, input_bytes, named, parsed, text_of};
use crate::test_key;

pub(super) fn suites() -> Vec<Suite> {
    vec![
        Suite {
            kind: "json",
            about: "Strict JSON, at most 65535 bytes; `output` is the compact form",
            check: check_json,
            cases: json_cases(),
        },
        Suite {
            kind: "quantities",
            about: "Numbers, times and names as statements write them",
            check: check_quantity,
            cases: quantity_cases(),
        },
        Suite {
            kind: "ed25519",
            about: "Strict verification: published edge cases that plain verifiers disagree on",
            check: check_signature,
            cases: signature_cases(),
        },
        Suite {
            kind: "envelopes",
            about: "DSSE envelopes in canonical bytes; the first signature is verified under `publicKey` where there is one",
            check: check_envelope,
            cases: envelope_cases(),
        },
    ]
}

fn check_json(input: &Object) -> Outcome {
    let value = json::parse(&input_bytes(input), 65_535).map_err(named)?;
    Ok(Object::new().with("compact", String::from_utf8(value.to_bytes()).unwrap()))
}

fn json_cases() -> Vec<Case> {
    let texts: [(&str, &str, &'static str); 30] = [
        ("an object", r#"{ "b" : 1, "a" : [true, false, null] }"#, "ok"),
        ("the largest integer", "9007199254740991", "ok"),
        ("the smallest integer", "-9007199254740991", "ok"),
        ("escapes", r#""\"\\\/\b\f\n\r\t\u0041\u00e9""#, "ok"),
        ("a pair of surrogates", r#""\ud83d\ude00""#, "ok"),
        ("sixteen deep", "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", "ok"),
        ("one name in two objects", r#"{"a":{"a":1}}"#, "ok"),
        ("seventeen deep", "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", "TooDeep"),
        ("a name twice", r#"{"a":1,"b":2,"a":1}"#, "DuplicateName"),
        ("a name twice, once escaped", r#"{"a":1,"\u0061":1}"#, "DuplicateName"),
        ("a fraction", "1.5", "NotAnInteger"),
        ("a whole number with a fraction", "1.0", "NotAnInteger"),
        ("an exponent", "1e3", "NotAnInteger"),
        ("minus zero", "-0", "NotAnInteger"),
        ("two to the 53", "9007199254740992", "IntegerOutOfRange"),
        ("a leading zero", "01", "Syntax"),
        ("not a number", "NaN", "Syntax"),
        ("a plus sign", "+1", "Syntax"),
        ("a lone high surrogate", r#""\ud800""#, "LoneSurrogate"),
        ("a lone low surrogate", r#""\udc00""#, "LoneSurrogate"),
        ("a high surrogate and a letter", r#""\ud800\u0041""#, "LoneSurrogate"),
        ("an unknown escape", r#""\x41""#, "BadEscape"),
        ("a newline in a string", "\"a\nb\"", "ControlCharacter"),
        ("a comma too many", "[1,]", "Syntax"),
        ("a comment", "/* c */ 1", "Syntax"),
        ("a byte order mark", "\u{feff}{}", "Syntax"),
        ("single quotes", "{'a':1}", "Syntax"),
        ("two values", "{} {}", "TrailingData"),
        ("nothing", "", "Truncated"),
        ("cut short", "{\"a\":[1,", "Truncated"),
    ];
    let mut cases: Vec<Case> =
        texts.into_iter().map(|(name, text, outcome)| case(name, bytes_input(text.as_bytes()), outcome)).collect();
    cases.push(case("not UTF-8", bytes_input(b"\"\xff\""), "NotUtf8"));
    cases.push(case("a surrogate in UTF-8", bytes_input(b"\"\xed\xa0\x80\""), "NotUtf8"));
    cases
}

fn check_quantity(input: &Object) -> Outcome {
    let text = text_of(input, "text");
    let written = match text_of(input, "unit") {
        "flop" => Flop::parse_decimal(text).map_err(named)?.to_string(),
        "joule" => Joule::parse_decimal(text).map_err(named)?.to_string(),
        "time" => Timestamp::parse(text).map_err(named)?.0.to_string(),
        "treaty flop" => text.parse::<Flop>().map_err(named)?.to_string(),
        "name" => text.parse::<Name>().map_err(named)?.to_string(),
        other => panic!("unit {other}"),
    };
    Ok(Object::new().with("value", written))
}

fn quantity_cases() -> Vec<Case> {
    let texts: [(&str, &str, &'static str); 27] = [
        ("flop", "0", "ok"),
        ("flop", "314000000000000000000000", "ok"),
        ("flop", "340282366920938463463374607431768211455", "ok"),
        ("flop", "340282366920938463463374607431768211456", "NotDecimal"),
        ("flop", "007", "NotDecimal"),
        ("flop", "1e26", "NotDecimal"),
        ("flop", "-1", "NotDecimal"),
        ("flop", "", "NotDecimal"),
        ("joule", "18446744073709551615", "ok"),
        ("joule", "18446744073709551616", "NotDecimal"),
        ("treaty flop", "1e26", "ok"),
        ("treaty flop", "2.5e25", "ok"),
        ("treaty flop", "2.55e1", "NotWhole"),
        ("treaty flop", "1e39", "NotWhole"),
        ("time", "1970-01-01T00:00:00Z", "ok"),
        ("time", "2024-02-29T23:59:59.999Z", "ok"),
        ("time", "9999-12-31T23:59:59.999Z", "ok"),
        ("time", "2026-02-29T00:00:00Z", "NotATime"),
        ("time", "2026-01-01T00:00:00+00:00", "NotATime"),
        ("time", "2026-01-01T00:00:60Z", "NotATime"),
        ("time", "2026-01-01t00:00:00z", "NotATime"),
        ("time", "2026-01-01T00:00:00.5Z", "NotATime"),
        ("name", "lab-a", "ok"),
        ("name", "Lab-a", "NotAName"),
        ("name", "lab-", "NotAName"),
        ("name", "1lab", "NotAName"),
        ("name", "a-name-that-is-longer-than-thirty-two", "NotAName"),
    ];
    let input = |unit: &str, text: &str| Object::new().with("unit", unit).with("text", text);
    texts
        .into_iter()
        .map(|(unit, text, outcome)| case(format!("{unit} `{text}`"), input(unit, text), outcome))
        .collect()
}

fn check_signature(input: &Object) -> Outcome {
    let (key, signature): (PublicKey, Signature) = (parsed(input, "publicKey"), parsed(input, "signature"));
    let message = hex::decode(text_of(input, "message")).unwrap();
    key.verify(&message, &signature).map_err(named)?;
    Ok(Object::new().with("keyId", key.id().to_string()))
}

fn signature_cases() -> Vec<Case> {
    let key = test_key("a");
    let good = key.sign(b"message");
    let public = key.public_key().to_string();
    let input = |public: &str, message: &[u8], signature: &str| {
        Object::new().with("publicKey", public).with("message", hex::encode(message)).with("signature", signature)
    };
    let half = |text: &str, first: bool| if first { text[..64].to_owned() } else { text[64..].to_owned() };
    let good_text = good.to_string();
    let identity = format!("01{}", "00".repeat(31));
    let small = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
    vec![
        case(
            "RFC 8032 test 1",
            input(
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                b"",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            "ok",
        ),
        case("a good signature", input(&public, b"message", &good_text), "ok"),
        case("another message", input(&public, b"massage", &good_text), "InvalidSignature"),
        case("another key", input(&test_key("b").public_key().to_string(), b"message", &good_text), "InvalidSignature"),
        case(
            "s plus the group order",
            input(&public, b"message", &(half(&good_text, true) + &plus_order(&half(&good_text, false)))),
            "InvalidSignature",
        ),
        case(
            "R of small order",
            input(&public, b"message", &(small.to_owned() + &half(&good_text, false))),
            "InvalidSignature",
        ),
        case("a key of small order", input(small, b"message", &good_text), "InvalidPublicKey"),
        case(
            "the identity as key, R = identity, s = 0",
            input(&identity, b"message", &(identity.clone() + &"00".repeat(32))),
            "InvalidPublicKey",
        ),
        case("a key beyond the field", input(&"ff".repeat(32), b"message", &good_text), "InvalidPublicKey"),
        case("a key that is no point", input(&"02".repeat(32), b"message", &good_text), "InvalidPublicKey"),
    ]
}

/// A scalar, little-endian, plus the order of the base point.
fn plus_order(scalar: &str) -> String {
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let mut carry = 0u16;
    let add = |(a, b): (u8, u8)| {
        carry += u16::from(a) + u16::from(b);
        let byte = carry as u8;
        carry >>= 8;
        byte
    };
    hex::encode(hex::decode(scalar).unwrap().into_iter().zip(order).map(add).collect::<Vec<_>>())
}

fn check_envelope(input: &Object) -> Outcome {
    let bytes = input_bytes(input);
    let envelope = Envelope::parse(&bytes).map_err(named)?;
    if input.member("publicKey").is_some() {
        envelope.verify(0, &parsed(input, "publicKey")).map_err(named)?;
    }
    Ok(Object::new()
        .with("statementId", envelope.id().to_string())
        .with("leafHash", leaf_hash(&bytes).to_string())
        .with("payload", STANDARD.encode(envelope.payload()))
        .with("keyIds", super::list(envelope.signatures().iter().map(|signature| signature.key_id))))
}

fn envelope_cases() -> Vec<Case> {
    let (a, b) = (test_key("a"), test_key("b"));
    let payload = br#"{"_type":"https://in-toto.io/Statement/v1"}"#.to_vec();
    let one = String::from_utf8(Envelope::sign(payload.clone(), &[&a]).to_bytes()).unwrap();
    let two = String::from_utf8(Envelope::sign(payload.clone(), &[&a, &b]).to_bytes()).unwrap();
    let unsigned = String::from_utf8(Envelope::sign(payload.clone(), &[]).to_bytes()).unwrap();
    let (head, signatures) = two.split_once('[').unwrap();
    let (first, second) = signatures.strip_suffix("]}").unwrap().split_once("},").unwrap();
    let swapped = format!("{head}[{second},{first}}}]}}");
    let repeated = format!("{head}[{first}}},{first}}}]}}");
    let plain = |name: &str, text: String, outcome| case(name, bytes_input(text.as_bytes()), outcome);
    let keyed = |name: &str, text: &str, key: &standstill_protocol::keys::SecretKey, outcome| {
        let input = bytes_input(text.as_bytes()).with("publicKey", key.public_key().to_string());
        case(name, input, outcome)
    };
    vec![
        keyed("one signature", &one, &a, "ok"),
        plain("two signatures", two.clone(), "ok"),
        keyed("a signature by another key", &one, &b, "InvalidSignature"),
        plain("an empty payload", String::from_utf8(Envelope::sign(Vec::new(), &[&a]).to_bytes()).unwrap(), "ok"),
        plain("signatures out of order", swapped, "NotCanonical"),
        plain("a signature twice", repeated, "NotCanonical"),
        plain("white space", one.replace(':', ": "), "NotCanonical"),
        plain("a space after a comma", one.replacen(",\"", ", \"", 1), "NotCanonical"),
        plain("a newline at the end", format!("{one}\n"), "NotCanonical"),
        plain("an escape in the payload type", one.replace("vnd.", "vnd\\u002e"), "NotCanonical"),
        plain("an escape in the payload", one.replacen("eyJ", "\\u0065yJ", 1), "Malformed"),
        plain("a member twice", one.replacen('{', "{\"payload\":\"\",", 1), "Malformed"),
        plain("an unknown member", one.replacen('{', "{\"version\":1,", 1), "Malformed"),
        plain("another payload type", one.replace("vnd.in-toto+json", "json"), "PayloadType"),
        plain("no signature", unsigned, "SignatureCount"),
        plain("base64 without padding", one.replace("==\"", "\""), "Malformed"),
        plain("a key id in capitals", one.to_uppercase(), "Malformed"),
        plain("cut short", one[..one.len() - 2].to_owned(), "Malformed"),
    ]
}
