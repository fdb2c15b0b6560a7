"""Receipts and the log of a demonstration, checked by code that shares nothing with ours but the specifications.

usage: receipts.py DEMO_DIR

RFC 6962 for hashes and paths, C2SP for notes, checkpoints, cosignatures and tlog-proof, `cryptography` for ed25519. For
each receipt: the entry's leaf and the path give the checkpoint's root, and a quorum of the policy's witnesses cosigned
that checkpoint. For the log folder: the hash tiles give the root of its checkpoint, and entry tiles give the hash tiles.
One bit changed in an entry must break its receipt.
"""

import base64
import hashlib
import pathlib
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, by its recursive definition."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(tree_root(leaves[:split]), tree_root(leaves[split:]))


def path_root(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """RFC 6962 section 2.1.1, by its recursive definition: the root that a path from `leaf` leads to."""
    if size == 1:
        if path:
            raise ValueError("the path is too long")
        return leaf
    split = 1 << ((size - 1).bit_length() - 1)
    *rest, last = path
    if index < split:
        return node_hash(path_root(leaf, index, split, rest), last)
    return node_hash(last, path_root(leaf, index - split, size - split, rest))


class Policy:
    """A tlog-policy file with one group: its log keys, its witnesses and how many of them make a quorum."""

    def __init__(self, text: str):
        self.logs, self.witnesses, self.quorum, group = [], {}, 0, []
        for words in (line.split() for line in text.splitlines() if line and not line.startswith("#")):
            match words:
                case ["log", vkey, *_]:
                    self.logs.append(parse_vkey(vkey))
                case ["witness", name, vkey, *_]:
                    self.witnesses[name] = parse_vkey(vkey)
                case ["group", _, count, *names]:
                    self.quorum, group = int(count), names
        assert group and set(group) == set(self.witnesses), "one group of all witnesses is expected"

    def accepts(self, note: str) -> tuple[int, bytes]:
        """Size and root of a checkpoint that one log key and a quorum signed."""
        text, signatures = note.rsplit("\n\n", 1)
        text += "\n"
        origin, size, root = text.splitlines()
        logs, witnesses = 0, set()
        for line in signatures.splitlines():
            dash, name, encoded = line.split(" ")
            assert dash == "\u2014", "a signature line begins with an em dash"
            blob = base64.b64decode(encoded)
            key_hash, signature = blob[:4], blob[4:]
            for log_name, log_hash, _, key in self.logs:
                if (name, key_hash) == (log_name, log_hash) and name == origin:
                    key.verify(signature, text.encode())
                    logs += 1
            for witness, (full_name, witness_hash, kind, key) in self.witnesses.items():
                if (name, key_hash) == (full_name, witness_hash):
                    assert kind == 4, "a witness has a cosignature key"
                    time = int.from_bytes(signature[:8], "big")
                    key.verify(signature[8:], f"cosignature/v1\ntime {time}\n{text}".encode())
                    witnesses.add(witness)
        assert logs and len(witnesses) >= self.quorum, f"{logs} log and {len(witnesses)} witness signatures"
        return int(size), base64.b64decode(root)


def parse_vkey(text: str):
    name, key_hash, encoded = text.split("+", 2)
    blob = base64.b64decode(encoded)
    expected = hashlib.sha256(name.encode() + b"\n" + blob).digest()[:4]
    assert expected.hex() == key_hash, f"the key id of {name} is wrong"
    return name, expected, blob[0], Ed25519PublicKey.from_public_bytes(blob[1:])


def check_receipt(proof: str, entry: bytes, policy: Policy) -> None:
    head, note = proof.split("\n\n", 1)
    first, *lines = head.splitlines()
    assert first == "c2sp.org/tlog-proof@v1"
    lines = [line for line in lines if not line.startswith("extra ")]
    index = int(lines[0].removeprefix("index "))
    size, root = policy.accepts(note)
    assert index < size
    found = path_root(leaf_hash(entry), index, size, [base64.b64decode(line) for line in lines[1:]])
    assert found == root, "the path does not lead to the root"


def check_log(folder: pathlib.Path, policy: Policy) -> int:
    size, root = policy.accepts((folder / "checkpoint").read_text(encoding="utf-8"))
    assert size <= 256, "a demonstration fits one tile"
    width = f"000.p/{size}" if size < 256 else "000"
    tile = (folder / "tile" / "0" / width).read_bytes()
    hashes = [tile[at : at + 32] for at in range(0, len(tile), 32)]
    assert len(hashes) == size and tree_root(hashes) == root, "the tile does not give the checkpoint's root"
    data, entries = (folder / "tile" / "entries" / width).read_bytes(), []
    while data:
        length = int.from_bytes(data[:2], "big")
        entries.append(data[2 : 2 + length])
        data = data[2 + length :]
    assert [leaf_hash(entry) for entry in entries] == hashes, "the entries do not give the tile"
    return size


def main(folder: str) -> int:
    demo = pathlib.Path(folder)
    policy = Policy((demo / "log" / "policy").read_text(encoding="utf-8"))
    size = check_log(demo / "log", policy)
    receipts = sorted((demo / "receipts").glob("*.proof"))
    for path in receipts:
        proof, entry = path.read_text(encoding="utf-8"), path.with_suffix(".entry").read_bytes()
        check_receipt(proof, entry, policy)
        try:
            check_receipt(proof, bytes([entry[0] ^ 1]) + entry[1:], policy)
        except (AssertionError, InvalidSignature, ValueError):
            continue
        print(f"FAIL  {path.name}: holds for another entry")
        return 1
    print(f"{len(receipts)} receipts hold, and a log of {size} leaves gives its cosigned root")
    return 0 if len(receipts) >= 10 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
