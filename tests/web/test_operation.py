"""What a route says of itself is enough to know its errors."""

import pytest

from penstock.errors import InvalidKey, MissingKey, PermissionDenied
from penstock.web.access import ADMIN, ANY_KEY, BATCH, INFERENCE, OPEN, SIGNED_IN, Access
from penstock.web.operation import Operation


def errors_of(access: Access) -> set[type]:
    return set(Operation(name="x", method="GET", path="/x", summary="X", answer=dict, access=access).all_errors)


@pytest.mark.parametrize("access", [ANY_KEY, INFERENCE, BATCH, ADMIN])
def test_whoever_needs_a_key_can_be_told_so(access: Access) -> None:
    assert errors_of(access) >= {MissingKey, InvalidKey}


@pytest.mark.parametrize("access", [INFERENCE, BATCH, ADMIN, SIGNED_IN])
def test_a_scope_or_a_role_can_be_missing(access: Access) -> None:
    assert PermissionDenied in errors_of(access)


def test_who_needs_nothing_is_refused_nothing() -> None:
    assert errors_of(OPEN).isdisjoint({MissingKey, InvalidKey, PermissionDenied})


def test_nobody_is_let_in_by_default() -> None:
    assert Access() == Access(everybody=False, scopes=None, role=None)
    assert PermissionDenied not in errors_of(Access())
