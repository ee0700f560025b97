"""What the list of models looks like on the wire."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class ModelDetails(Struct):
    """What OpenAI's clients do not know of a model."""

    state: Annotated[str, Meta(extra_json_schema={"enum": ["pulling", "loading", "ready", "failed", "stopped"]})]
    context_length: int
    """Tokens of prompt and answer together."""
    max_output: int
    alias_of: str | None
    slots: int | None
    """Requests that it works on at once; null while it is not ready."""


class ModelCard(Struct, kw_only=True):
    """One name that a request may give as `model`."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    penstock: ModelDetails


class ModelList(Struct, kw_only=True):
    """Every model that a key may use."""

    object: Literal["list"] = "list"
    data: list[ModelCard]
