"""Whose figures and requests somebody may see: their own, and an administrator everybody's."""

from penstock.errors import PermissionDenied
from penstock.web.gate import Visitor

ALL = "all"
"""In place of an account's id: those of every account."""


def account_meant(visitor: Visitor, account: str | None) -> str | None:
    """The account that a question of somebody who is signed in is about; None for all of them.

    Raises PermissionDenied for others than one's own, in the same words whether there is such an account or not.
    """
    own = visitor.account_id
    if account is None or account == own:
        return own
    if not sees_all(visitor):
        raise PermissionDenied("Only an administrator may see what other accounts do.", param="account")
    return None if account == ALL else account


def sees_all(visitor: Visitor) -> bool:
    """Whether it is an administrator who is signed in."""
    return visitor.signed_in is not None and visitor.signed_in.account.role == "admin"
