"""Envelopes, judged by an implementation that is not ours: securesystemslib.

usage: dsse.py vectors/envelopes.json [DEMO_DIR]

Each valid envelope with a key must verify; it must not with one bit of its payload or of a signature changed, and the
invalid signature among the vectors must be refused. With the folder that `standstill-testnet demo --out` wrote, every
entry of that ledger is judged under the keys that its treaty lists. What is a matter of canonical form is not asked
here: other readers of DSSE are more lenient, and that is right for them.
"""

import base64
import hashlib
import json
import pathlib
import sys
import tomllib

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.signer import SSlibKey


def verifies(envelope: dict, public_key: str) -> bool:
    """Whether securesystemslib accepts the envelope under the key; a changed envelope may also fail to parse."""
    parsed = Envelope.from_dict(json.loads(json.dumps(envelope)))
    keys = [SSlibKey(keyid, "ed25519", "ed25519", {"public": public_key}) for keyid in parsed.signatures]
    try:
        parsed.verify(keys, 1)
    except (VerificationError, UnverifiedSignatureError):
        return False
    return True


def flipped(text: str) -> str:
    """The base64 text with the lowest bit of its first byte changed."""
    data = bytearray(base64.b64decode(text))
    data[0] ^= 1
    return base64.b64encode(data).decode()


def key_id(public_key: str) -> str:
    """The key id of spec/10-hashes-and-keys.md: SHA-256(len(tag) || tag || key)."""
    tag = b"standstill/v1/key-id"
    return hashlib.sha256(bytes([len(tag)]) + tag + bytes.fromhex(public_key)).hexdigest()


def ledger(folder: pathlib.Path):
    """Each envelope of a demonstration with the public key that its treaty gives for it."""
    treaty = tomllib.loads((folder / "treaty.toml").read_text(encoding="utf-8"))
    listed = [key for member in treaty["members"] for key in member["statement_keys"]]
    keys = {key_id(key): key for key in listed}
    for path in sorted((folder / "receipts").glob("*.entry")):
        envelope = json.loads(path.read_bytes())
        yield f"entry {path.stem}", envelope, keys[envelope["signatures"][0]["keyid"]]


def main(path: str, demo: str | None = None) -> int:
    with open(path, encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    judged = 0
    failures = []

    def expect(name: str, found: bool, wanted: bool) -> None:
        nonlocal judged
        judged += 1
        if found != wanted:
            failures.append(f"{name}: {'accepted' if found else 'refused'}")

    def judge(name: str, envelope: dict, key: str, valid: bool) -> None:
        expect(name, verifies(envelope, key), valid)
        if valid:
            payload = dict(envelope, payload=flipped(envelope["payload"]))
            expect(f"{name}, payload changed", verifies(payload, key), False)
            signature = dict(envelope["signatures"][0], sig=flipped(envelope["signatures"][0]["sig"]))
            expect(f"{name}, signature changed", verifies(dict(envelope, signatures=[signature]), key), False)

    for case in cases:
        if key := case["input"].get("publicKey"):
            judge(case["name"], json.loads(case["input"]["text"]), key, case["outcome"] == "ok")
    least = 4
    if demo is not None:
        least += 3 * 10
        for name, envelope, key in ledger(pathlib.Path(demo)):
            judge(name, envelope, key, True)

    for failure in failures:
        print(f"FAIL  {failure}")
    print(f"securesystemslib judged {judged} envelopes, {len(failures)} otherwise than we do")
    return 1 if failures or judged < least else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
