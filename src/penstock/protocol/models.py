"""What the list of models looks like on the wire."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Ability = Literal["structured_output", "tools", "logprobs", "reasoning_effort", "images", "token_prompts"]


class ModelPrice(Struct, kw_only=True):
    """What a million tokens cost."""

    currency: str
    """By its ISO 4217 code."""
    input: float
    cached_input: float
    """Of tokens of the prompt that the engine had read before."""
    output: float


class ModelDetails(Struct, kw_only=True):
    """What OpenAI's clients do not know of a model; what its engine says is null while that is not ready."""

    kind: Literal["chat", "embedding"]
    """Whether it writes text or makes embeddings."""
    state: Annotated[str, Meta(extra_json_schema={"enum": ["pulling", "loading", "ready", "failed", "stopped"]})]
    context_length: int
    """Tokens of prompt and answer together."""
    max_output: int | None
    """Tokens of one answer, at most."""
    abilities: list[Ability] | None
    """What requests may ask for, beyond what its kind says."""
    dimensions: int | None
    """The numbers of an embedding."""
    alias_of: str | None
    slots: int | None
    """Requests that it works on at once."""
    price: ModelPrice | None
    """Null: free."""


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
