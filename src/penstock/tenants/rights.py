"""What a key may do: never more than its maker, nor than its account, as they are now."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce

import msgspec

from penstock.errors import InvalidRequest, PermissionDenied
from penstock.tenants.caller import SCOPES, KeyScope, figure
from penstock.tenants.key import Key
from penstock.tenants.plans import Limits, ModelLimits

FIELDS = ("scopes", "models", "expires_at", "limits")
"""What of a key says what it may do."""


@dataclass(frozen=True)
class Rights:
    """What somebody may do. `ends_at` is in seconds since 1970."""

    scopes: frozenset[KeyScope] = frozenset(SCOPES)
    models: frozenset[str] | None = None
    """None: all."""
    ends_at: float = math.inf
    limits: tuple[Limits, ...] = ()
    """All of them hold."""

    def meet(self, other: "Rights") -> "Rights":
        """What both allow."""
        models = self.models if other.models is None else other.models
        if self.models is not None and other.models is not None:
            models = self.models & other.models
        return Rights(
            self.scopes & other.scopes, models, min(self.ends_at, other.ends_at), (*self.limits, *other.limits)
        )


def rights_of_account(role: str, plan: Limits) -> Rights:
    """What an active account may do."""
    scopes = frozenset(SCOPES) if role == "admin" else frozenset(SCOPES) - {"admin"}
    return Rights(scopes=scopes, limits=(plan,))


def rights_of_key(key: Key) -> Rights:
    """What a key's own row allows."""
    return Rights(
        scopes=frozenset(key.scopes),
        models=None if key.models is None else frozenset(key.models),
        ends_at=math.inf if key.expires_at is None else key.expires_at,
        limits=(key.limits,),
    )


def meet(rights: Iterable[Rights]) -> Rights:
    """What all of them allow."""
    return reduce(Rights.meet, rights, Rights())


def refuse_more(key: Key, bound: Rights, changed: Iterable[str]) -> None:
    """Raises InvalidRequest where one of the fields that `changed` names would give the key more than `bound` allows.

    A field that is None, or a figure that is, asks for nothing of its own: there the maker's holds.
    """
    fields = set(changed)
    if "scopes" in fields and (extra := set(key.scopes) - bound.scopes):
        raise InvalidRequest(
            f"The key would have the scope `{min(extra)}`, which its account or the key that it is made with has not.",
            param="scopes",
        )
    if "models" in fields and key.models is not None and bound.models is not None and set(key.models) - bound.models:
        raise InvalidRequest("The key would have more models than the key that it is made with.", param="models")
    if "expires_at" in fields and key.expires_at is not None and key.expires_at > bound.ends_at:
        raise InvalidRequest("The key would outlive the key that it is made with.", param="expires_at")
    if "limits" in fields:
        for limits in bound.limits:
            _refuse_higher(key.limits, limits)


def refuse_stronger(key: Rights, acting: Rights, changed: Iterable[str] = FIELDS) -> None:
    """Raises PermissionDenied where a key could do what the acting one cannot, in the fields that `changed` names."""
    exceeded = {
        "scopes": not key.scopes <= acting.scopes,
        "models": acting.models is not None and (key.models is None or not key.models <= acting.models),
        "expires_at": key.ends_at > acting.ends_at,
        "limits": not all(_is_held(limits, key.limits) for limits in acting.limits),
    }
    for field in changed:
        if exceeded.get(field):
            raise PermissionDenied(
                f"By its `{field}` that key could do more than the one that this is done with. Use a key that can do as"
                " much."
            )


def _is_held(limits: Limits, by: tuple[Limits, ...]) -> bool:
    """Whether every figure of `limits` is at least what one of `by` allows."""
    return all(
        any((own := figure(each, model, name)) is not None and own <= most for each in by)
        for model, name, most in _figures(limits)
    )


def _refuse_higher(limits: Limits, bound: Limits) -> None:
    for model, name, asked in _figures(limits):
        most = figure(bound, model, name)
        if most is not None and asked > most:
            path = f"limits.models.{model}.{name}" if model else f"limits.{name}"
            raise InvalidRequest(
                f"The key would have `{name}` {asked}; its account, or the key that it is made with, has {most}.",
                param=path,
            )


def _figures(limits: Limits) -> Iterator[tuple[str, str, float]]:
    """Model, or "" for all of them, name and figure, of each that is set."""
    for field in msgspec.structs.fields(Limits):
        value = getattr(limits, field.name)
        if isinstance(value, int | float):
            yield "", field.name, value
    for model, own in limits.models.items():
        for field in msgspec.structs.fields(ModelLimits):
            if (value := getattr(own, field.name)) is not None:
                yield model, field.name, value
