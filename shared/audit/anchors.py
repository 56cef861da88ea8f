"""An anchor: the head of a chain as it stood once, signed, kept where nobody can write it anew.

One line of JSON and one line with its Ed25519 signature in hexadecimal. The name holds the position, so a head that
has not moved is published once.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.adapters.blob import BlobStore
from shared.adapters.signing import PublicKey, SigningKey, is_signed
from shared.audit.links import Finding, Flaw
from shared.audit.model import POSITION_MAX

_FORMAT = "counterfoil-audit-anchor/1"
ANCHOR_BYTES_MAX = 4_096
_NAME = re.compile(r"/([0-9]{20})\.anchor\Z")


@dataclass(frozen=True)
class Anchor:
    """The hash that stood at a position of a chain."""

    chain: str
    position: int
    hash: bytes


def anchor_name(chain: str, position: int) -> str:
    """Names of one chain sort by position."""
    return f"{anchor_folder(chain)}{position:020}.anchor"


def anchor_folder(chain: str) -> str:
    """Where a chain's anchors lie."""
    return f"audit/anchors/{chain}/"


def signed_anchor(anchor: Anchor, key: SigningKey) -> bytes:
    """The anchor as it is published; the same bytes for the same head and key."""
    document = {
        "algorithm": key.algorithm,
        "chain": anchor.chain,
        "format": _FORMAT,
        "hash": anchor.hash.hex(),
        "key_id": key.key_id,
        "position": anchor.position,
    }
    line = json.dumps(document, separators=(",", ":")).encode()
    return line + b"\n" + key.sign(line).hex().encode() + b"\n"


def read_anchor(published: bytes, keys: Sequence[PublicKey]) -> Anchor | None:
    """The anchor, None when none of the keys signed these bytes or they are no anchor."""
    line, _, rest = published[:ANCHOR_BYTES_MAX].partition(b"\n")
    try:
        signature = bytes.fromhex(rest.decode("ascii").removesuffix("\n"))
        if published != line + b"\n" + signature.hex().encode() + b"\n" or not is_signed(
            line, signature, keys
        ):
            return None
        told = json.loads(line)
        if told["format"] != _FORMAT:
            return None
        return Anchor(str(told["chain"]), int(told["position"]), bytes.fromhex(told["hash"]))
    except (KeyError, TypeError, ValueError):
        return None


def told_hash(published: bytes) -> bytes | None:
    """The hash an anchor tells, whoever signed it; None when it tells none."""
    try:
        return bytes.fromhex(json.loads(published.partition(b"\n")[0])["hash"])
    except (LookupError, RecursionError, TypeError, ValueError):
        return None


def read_anchors(
    blobs: BlobStore, chain: str, keys: Sequence[PublicKey], first: int = 1, last: int = POSITION_MAX
) -> tuple[list[Anchor], list[Finding]]:
    """The published anchors of a stretch in order, and a finding for each that is not signed or not in its place."""
    found: list[Anchor] = []
    findings: list[Finding] = []
    for name in blobs.names(anchor_folder(chain)):
        if (named := position_of(name)) is not None and not first <= named <= last:
            continue
        with blobs.open(name) as file:
            anchor = read_anchor(file.read(ANCHOR_BYTES_MAX), keys)
        if anchor is None or name != anchor_name(anchor.chain, anchor.position):
            findings.append(Finding(Flaw.ANCHOR_INVALID, None, name))
        else:
            found.append(anchor)
    return found, findings


def position_of(name: str) -> int | None:
    """The position an anchor's name says; None for a name that is none."""
    named = _NAME.search(name)
    return int(named[1]) if named else None


def expected_hashes(anchors: Iterable[Anchor], chain: str) -> dict[int, bytes]:
    """Position → the hash that stood there, of one chain."""
    return {each.position: each.hash for each in anchors if each.chain == chain}
