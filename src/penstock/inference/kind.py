"""Whether a model is of the kind that a request is for: one that writes text, or one that makes embeddings."""

from penstock.engines.engine import Endpoint
from penstock.errors import InvalidRequest


def check_writes(model: str, endpoint: Endpoint) -> None:
    """Raises InvalidRequest where the model writes no text."""
    if not endpoint.abilities.chat:
        raise _unsupported(f"{model} writes no text, it makes embeddings: ask it by /v1/embeddings.")


def check_embeds(model: str, endpoint: Endpoint, *, dimensions: int | None) -> None:
    """Raises InvalidRequest where the model makes no embeddings, or none of so many numbers."""
    if not endpoint.abilities.embeddings:
        raise _unsupported(f"{model} makes no embeddings, it writes text: ask it by /v1/chat/completions.")
    if dimensions not in (None, endpoint.abilities.dimensions):
        has = f"{model} makes vectors of {endpoint.abilities.dimensions} numbers"
        raise InvalidRequest(f"{has}, which cannot be shortened; leave dimensions out.", param="dimensions")


def _unsupported(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="unsupported_model", param="model")
