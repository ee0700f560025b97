"""Passwords: what may be one, and that only its own hash takes it."""

import pytest

from penstock.errors import InvalidRequest
from penstock.tenants.passwords import LONGEST, SHORTEST, Passwords

GOOD = "four brown foxes jump"


async def test_only_the_same_password_matches() -> None:
    passwords = Passwords()
    kept = await passwords.hash(GOOD)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify(kept, GOOD)
    for wrong in (GOOD + " ", GOOD.upper(), "", "x" * 10_000, "\ud800"):
        assert not await passwords.verify(kept, wrong)
    assert not await passwords.verify(None, GOOD)
    assert not await passwords.verify("no hash at all", GOOD)
    assert not passwords.needs_rehash(kept)
    assert passwords.needs_rehash("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ")


async def test_two_keyboards_type_the_same_password() -> None:
    passwords = Passwords()
    assert await passwords.verify(await passwords.hash("Amélie aime ça"), "Ame\u0301lie aime c\u0327a")


@pytest.mark.parametrize(
    "password",
    ["", "a" * (SHORTEST - 1), "ab" * 20, "Password1234", "Ann@example.org", "ab c" * (LONGEST // 4) + "d"],
)
async def test_what_is_guessed_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await Passwords().hash(password, known=("Ann", "ann@example.org"))
    assert refused.value.param == "password"
    assert not password or password not in refused.value.message


@pytest.mark.parametrize("password", ["ab c" * (LONGEST // 4), "соль и перец", "🐎🔋📎✓ staples"])
async def test_what_is_long_enough_is_taken(password: str) -> None:
    await Passwords().hash(password)
