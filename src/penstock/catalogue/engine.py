"""Which engine runs a model, and with which settings."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from penstock.catalogue.models import Model
from penstock.catalogue.tuning import TuningStore
from penstock.engines.echo import Echo
from penstock.engines.engine import Engine
from penstock.engines.llama_cpp import LlamaCpp
from penstock.errors import OperatorError


def engine_for(model: Model, tunings: TuningStore) -> Engine:
    """The engine that its entry names, as that and its tuning set it.

    Raises OperatorError where its chat template cannot be read.
    """
    if model.engine == "echo":
        return Echo(
            context_length=model.context_length,
            slots=model.slots,
            tokens_per_second=model.echo.tokens_per_second,
            faults=model.echo.faults,
            directives=model.echo.directives,
            load_seconds=model.echo.load_seconds,
            embeds=model.kind == "embedding",
        )
    return replace(llama_cpp_of(model), knobs_for=partial(tunings.knobs_for, model))


def llama_cpp_of(model: Model) -> LlamaCpp:
    """The embedded engine for a model, as on a machine that nobody measured. Raises OperatorError as `engine_for`."""
    return LlamaCpp(
        context_length=model.context_length,
        slots=model.slots,
        kv_bytes_per_token=model.kv_bytes_per_token,
        chat_template=_chat_template(model),
        pooling=model.pooling if model.kind == "embedding" else "",
    )


def _chat_template(model: Model) -> str:
    if not model.chat_template:
        return ""
    try:
        return Path(model.chat_template).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"The chat_template of {model.id} cannot be read: {error}.") from error
