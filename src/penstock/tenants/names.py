"""What accounts, keys, plans and models may be called, and the ids that the server gives."""

import re
import secrets
import unicodedata

from penstock.errors import InvalidRequest

LONGEST_NAME = 100

# What mail servers take in practice; not quoted local parts, which are mistakes as a rule.
_EMAIL = re.compile(r"""[^\s@<>(),;:"'\[\]\\]{1,64}@\w(?:[\w.-]{0,186}\w)?""")
_PLAN = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_ID = re.compile(r"[a-z]{1,20}[_-][0-9a-z]{1,40}")


def new_id(prefix: str) -> str:
    """An id that nobody guesses: the prefix and 16 characters."""
    return f"{prefix}_{secrets.token_hex(8)}"


def looks_like_id(text: str) -> bool:
    """Whether the server could have given this id. What has another form is asked of no database."""
    return _ID.fullmatch(text) is not None


def clean_name(name: str) -> str:
    """A name without space around it. Raises InvalidRequest where it has not 1 to 100 printable characters."""
    name = unicodedata.normalize("NFC", name.strip())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise InvalidRequest(f"A name has 1 to {LONGEST_NAME} printable characters.", param="name")
    return name


def clean_email(email: str) -> str:
    """An address in the one form that it is kept and compared in. Raises InvalidRequest where it cannot be one."""
    email = unicodedata.normalize("NFC", email.strip()).lower()
    if not email.isprintable() or _EMAIL.fullmatch(email) is None or ".." in email:
        raise InvalidRequest("An e-mail address looks like ann@example.org.", param="email")
    return email


def clean_plan_name(name: str) -> str:
    """The name of a new plan. Raises InvalidRequest where it is none."""
    if _PLAN.fullmatch(name) is None:
        raise InvalidRequest("A plan's name has 1 to 40 of the characters a-z, 0-9, _ and -.", param="name")
    return name
