"""The form of an API key: `psk_`, 43 base62 characters, and 6 more that check them.

The check is no protection; it tells a typing mistake from a key without asking the database, and lets scanners of
public code recognise a leaked key with certainty.
"""

import hashlib
import hmac
import re
import secrets
import zlib

PREFIX = "psk_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM = 43  # 62**43 is just over 2**256
_CHECK = 6  # 62**6 is more than 2**32
_FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM + _CHECK}}}")


def new_secret() -> str:
    """A new key: 256 bits of randomness."""
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return body + _checksum(body)


def looks_valid(secret: str) -> bool:
    """Whether `secret` has the form of a key and its check agrees."""
    return _FORM.fullmatch(secret) is not None and _checksum(secret[:-_CHECK]) == secret[-_CHECK:]


def hint_of(secret: str) -> str:
    """What may be shown of a key for ever: enough to tell it from others, far too little to use it."""
    return f"{secret[: len(PREFIX) + 4]}…{secret[-4:]}"


def digest_of(secret: str, pepper: bytes) -> str:
    """What is kept of a secret, and what it is found by: only the holder of the pepper can make it, so the time that a
    search by it takes tells nothing about any secret."""
    return hmac.digest(pepper, secret.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECK):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
