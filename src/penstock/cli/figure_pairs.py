"""`NAME=VALUE` and `MODEL:NAME=VALUE`, as figures of plans and limits of keys are typed."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import click
import msgspec
from msgspec import Struct

from penstock.tenants.plans import Limits, ModelLimits, Plan

T = TypeVar("T", bound=Struct)

NONE = "none"
"""What takes a figure away."""


def changed(definition: Mapping[str, Any], pairs: Iterable[str], kind: type[Struct]) -> dict[str, Any]:
    """The keys of a definition that the pairs change, with None for what they take away.

    Figures for a model are merged into those that are there. Raises click's UsageError for a pair that is none.
    """
    names = {field.name for field in msgspec.structs.fields(kind)} - {"models"}
    model_names = {field.name for field in msgspec.structs.fields(ModelLimits)}
    changes: dict[str, Any] = {}
    models = {model: dict(own) for model, own in (definition.get("models") or {}).items()}
    for pair in pairs:
        path, equals, value = pair.partition("=")
        model, colon, name = path.rpartition(":")
        known = model_names if colon else names
        if not equals or name not in known or (colon and not model):
            raise click.UsageError(f"{pair!r} is no figure. The names are: {', '.join(sorted(known))}.")
        (models.setdefault(model, {}) if colon else changes)[name] = None if value == NONE else value
        if colon:
            changes["models"] = models
    if "models" in changes:
        changes["models"] = {model: kept for model, own in models.items() if (kept := _without_none(own))}
    return changes


def limits_with(limits: Limits, pairs: Iterable[str]) -> Limits:
    """Limits with some changed. Raises click's UsageError for a pair that is none."""
    definition = msgspec.to_builtins(limits)
    return checked(_without_none({**definition, **changed(definition, pairs, Limits)}), Limits)


def as_plan_changes(definition: Mapping[str, Any], pairs: Iterable[str]) -> dict[str, Any]:
    """What the pairs change of a plan's definition. Raises click's UsageError for a pair that is none."""
    changes = changed(definition, pairs, Plan)
    whole = checked(_without_none({**definition, **changes}), Plan)
    return {
        name: None if value is None else msgspec.to_builtins(getattr(whole, name)) for name, value in changes.items()
    }


def checked(definition: Mapping[str, Any], kind: type[T]) -> T:
    """Texts as numbers. Raises click's UsageError for a figure that is out of range."""
    try:
        return msgspec.convert(definition, kind, strict=False)
    except msgspec.ValidationError as error:
        raise click.UsageError(f"That is no figure: {error}.") from error


def _without_none(definition: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in definition.items() if value is not None}
