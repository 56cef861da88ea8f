"""Ed25519 keys: what was signed is known again by the public key, and nothing else is."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from shared.adapters.signing import KeyInvalid, is_signed, load_public_key, load_signing_key
from tests.support.audit import signing_key

MESSAGE = b"what is signed"
# RFC 8032, section 7.1, test 3.
SEED = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
SIGNED = (
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
)


def pem(key: object, encryption: KeySerializationEncryption | None = None) -> bytes:
    assert isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def test_keys_are_read_and_give_the_standards_signature() -> None:
    private = ed25519.Ed25519PrivateKey.from_private_bytes(SEED)
    key = load_signing_key("v1", pem(private))
    assert (key.key_id, key.sign(bytes.fromhex("af82")).hex()) == ("v1", SIGNED)
    public = load_public_key(key.public.pem())
    assert is_signed(bytes.fromhex("af82"), bytes.fromhex(SIGNED), [public])


def test_only_the_key_and_the_message_fit() -> None:
    key, other = signing_key(1), signing_key(2)
    signature = key.sign(MESSAGE)
    assert is_signed(MESSAGE, signature, [other.public, key.public])
    assert not is_signed(MESSAGE, signature, [other.public])
    assert not is_signed(MESSAGE, signature, [])
    assert not is_signed(MESSAGE + b" ", signature, [key.public])
    for at in range(8 * len(signature)):
        turned = bytearray(signature)
        turned[at // 8] ^= 1 << at % 8
        assert not is_signed(MESSAGE, bytes(turned), [key.public]), at


def test_what_is_no_key_is_refused() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    sealed = pem(signing_key().key, BestAvailableEncryption(b"x"))
    for text in (b"", b"no key", pem(curve), sealed, signing_key().public.pem()):
        with pytest.raises(KeyInvalid):
            load_signing_key("v1", text)
    curve_public = curve.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for text in (b"", b"no key", curve_public, pem(signing_key().key)):
        with pytest.raises(KeyInvalid):
            load_public_key(text)
