"""Statements, judged by code that shares nothing with ours.

usage: statements.py SPEC_SCHEMAS_DIR VECTORS_DIR [DEMO_DIR]

Each schema must be a valid JSON Schema (draft 2020-12), and each kind's example must fit its own schema and no other
kind's: `jsonschema`. Each example must be an in-toto Statement v1 as the in-toto project's own `in-toto-attestation` reads
it. Each, wrapped and signed here by `securesystemslib`, must fit an envelope of 65,535 bytes and verify. The digests of
vectors/statement-identities.json are computed from the text of the specification with hashlib. With the folder of a
demonstration, every payload of its ledger is judged in the same way.
"""

import base64
import hashlib
import json
import pathlib
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf import json_format
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as Message
from jsonschema import Draft202012Validator
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner

MEDIA_TYPE = "application/vnd.in-toto+json"
failures: list[str] = []
judged = 0


def expect(what: str, holds: bool) -> None:
    global judged
    judged += 1
    if not holds:
        failures.append(what)


def tagged(tag: str, data: bytes) -> bytes:
    """The tagged hash of spec/10-hashes-and-keys.md."""
    name = b"standstill/v1/" + tag.encode()
    return hashlib.sha256(bytes([len(name)]) + name + data).digest()


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_root(hashes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, by its recursive definition, over leaf hashes."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return node_hash(tree_root(hashes[:split]), tree_root(hashes[split:]))


def identity(given: dict) -> bytes | None:
    """The digest that a case of statement-identities.json asks for; None for a list that is not strictly ascending."""
    chain = bytes.fromhex(given.get("chainId", ""))
    if "subject" in given:
        return tagged("subject", chain + given["subject"].encode())
    if "vendor" in given:
        return tagged("chip-tag", chain + given["vendor"].encode() + b"/" + bytes.fromhex(given["device"]))
    if "tags" in given:
        tags = [bytes.fromhex(tag) for tag in given["tags"]]
        ascending = all(one < other for one, other in zip(tags, tags[1:]))
        return tree_root([leaf_hash(tag) for tag in tags]) if ascending else None
    size = int(given["logSize"]).to_bytes(8, "big")
    return tagged(
        "hardware-nonce", chain + size + bytes.fromhex(given["logRoot"]) + bytes.fromhex(given["nonceSubject"])
    )


def is_in_toto(payload: bytes) -> bool:
    """Whether the in-toto project's own reader takes the payload as a Statement v1 (unknown members are refused)."""
    message = json_format.Parse(payload, Message(), ignore_unknown_fields=False)
    parsed = Statement.copy_from_pb(message)
    try:
        parsed.validate()
    except ValueError:
        return False
    return all(len(bytes.fromhex(subject.digest["sha256"])) == 32 for subject in message.subject)


def survives_an_envelope(payload: bytes) -> bool:
    """Whether an envelope made and verified by securesystemslib holds the payload within a log entry."""
    signer = CryptoSigner(Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))
    envelope = Envelope(payload, MEDIA_TYPE, {})
    envelope.sign(signer)
    envelope.verify([signer.public_key], 1)
    document = envelope.to_dict()
    again = Envelope.from_dict(json.loads(json.dumps(document)))
    again.verify([signer.public_key], 1)
    return again.payload == payload and len(json.dumps(document, separators=(",", ":"))) <= 65_535


def load_schemas(folder: pathlib.Path) -> dict[str, Draft202012Validator]:
    """Each kind's validator, by its predicate type."""
    found = {}
    for path in sorted(folder.glob("*.v1.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        Draft202012Validator.check_schema(schema)
        found[schema["properties"]["predicateType"]["const"]] = Draft202012Validator(schema)
    return found


def judge(what: str, payload: bytes, schemas: dict[str, Draft202012Validator]) -> None:
    statement = json.loads(payload)
    own = schemas.get(statement["predicateType"])
    expect(f"{what}: no schema for its predicate type", own is not None)
    if own is not None:
        problems = [problem.json_path + " " + problem.message for problem in own.iter_errors(statement)]
        expect(f"{what}: {problems[:2]}", not problems)
    others = [name for name, schema in schemas.items() if schema is not own and schema.is_valid(statement)]
    expect(f"{what}: fits the schemas of {others} too", not others)
    expect(f"{what}: no in-toto Statement v1", is_in_toto(payload))
    expect(f"{what}: does not survive an envelope", survives_an_envelope(payload))


def main(schemas_dir: str, vectors_dir: str, demo: str | None = None) -> int:
    folder = pathlib.Path(schemas_dir)
    schemas = load_schemas(folder)
    examples = sorted((folder / "examples").glob("*.json"))
    expect(f"{len(examples)} examples of {len(schemas)} kinds", len(examples) == len(schemas) >= 12)
    for path in examples:
        judge(path.stem, path.read_bytes(), schemas)
    for case in json.loads((pathlib.Path(vectors_dir) / "statement-identities.json").read_text(encoding="utf-8"))["cases"]:
        digest = identity(case["input"])
        expect(case["name"], (digest.hex() if digest else None) == case.get("output", {}).get("sha256"))
    if demo is not None:
        entries = sorted((pathlib.Path(demo) / "receipts").glob("*.entry"))
        expect(f"{len(entries)} entries of the demonstration", len(entries) >= 10)
        for path in entries:
            judge(f"entry {path.stem}", base64.b64decode(json.loads(path.read_bytes())["payload"]), schemas)

    for failure in failures:
        print(f"FAIL  {failure}")
    print(f"{judged} judgements of statements by other code, {len(failures)} otherwise than ours")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
