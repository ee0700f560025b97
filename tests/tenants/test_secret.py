import string
import zlib

from hypothesis import given
from hypothesis import strategies as st

from penstock.tenants.secret import Digests, digest_of, hint_of, looks_valid, new_secret


def test_the_form_of_a_key() -> None:
    secret = new_secret()
    assert secret.startswith("psk_")
    assert len(secret) == 4 + 43 + 6
    assert set(secret[4:]) <= set(string.digits + string.ascii_letters)
    assert looks_valid(secret)


def test_the_check_is_the_crc_of_what_stands_before() -> None:
    secret, value = new_secret(), 0
    alphabet = string.digits + string.ascii_uppercase + string.ascii_lowercase
    for digit in secret[-6:]:
        value = value * 62 + alphabet.index(digit)
    assert value == zlib.crc32(secret[:-6].encode())


@given(st.integers(0, 52), st.sampled_from(string.digits + string.ascii_letters + "_-é"))
def test_one_wrong_character_is_noticed(place: int, wrong: str) -> None:
    secret = new_secret()
    changed = secret[:place] + wrong + secret[place + 1 :]
    assert looks_valid(changed) == (changed == secret)


@given(st.text(max_size=80))
def test_no_text_at_all_breaks_the_check(text: str) -> None:
    assert not looks_valid(text)


def test_no_two_keys_are_alike() -> None:
    assert len({new_secret() for _ in range(1000)}) == 1000


def test_a_hint_shows_eight_characters_of_the_secret() -> None:
    secret = new_secret()
    assert hint_of(secret) == f"{secret[:8]}…{secret[-4:]}"


def test_a_digest_is_the_same_the_second_time() -> None:
    digests, secrets = Digests(b"p" * 32, entries=3), [new_secret() for _ in range(5)]
    for _ in range(2):
        for secret in secrets:
            assert [digests.of(secret), digests.of(secret)] == [digest_of(secret, b"p" * 32)] * 2


@given(st.text(max_size=80))
def test_what_is_no_key_has_no_digest(text: str) -> None:
    digests = Digests(b"p" * 32, entries=3)
    assert [digests.of(text), digests.of(text)] == [None, None]


def test_digests_are_remembered_in_bounds_and_no_secret_is() -> None:
    digests, secrets = Digests(b"p" * 32, entries=3), [new_secret() for _ in range(20)]
    for secret in secrets:
        digests.of(secret)
    assert len(digests._found) == 3
    assert not any(secret in repr(vars(digests)) or secret.encode() in digests._found for secret in secrets)
