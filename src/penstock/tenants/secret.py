"""The form of an API key: `psk_`, 43 base62 characters, and 6 more that check them.

The check is no protection; it tells a typing mistake from a key without asking the database, and lets scanners of
public code recognise a leaked key with certainty.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from collections import OrderedDict

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


class Digests:
    """The digests of API keys, made once for each key that comes again and again.

    What the digest of a secret is never changes, so nothing is remembered here that could be revoked. The secrets are
    not kept: they are known again by another digest, under a key that never leaves this process, so that the time of
    this search tells nothing about any secret either.
    """

    def __init__(self, pepper: bytes, *, entries: int) -> None:
        """Remembers so many at most."""
        self._pepper = pepper
        self._entries = entries
        self._unmarked = hashlib.blake2b(key=secrets.token_bytes(32), digest_size=32)
        self._found: OrderedDict[bytes, str] = OrderedDict()

    def of(self, secret: str) -> str | None:
        """`digest_of` a secret; None where it has not the form of a key."""
        marked = self._unmarked.copy()
        marked.update(secret.encode("utf-8", "surrogatepass"))
        mark = marked.digest()
        found = self._found.get(mark)
        if found is None and looks_valid(secret):
            found = self._found[mark] = digest_of(secret, self._pepper)
            if len(self._found) > self._entries:
                self._found.popitem(last=False)
        return found


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECK):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
