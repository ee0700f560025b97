"""What /health and /ready say."""

from typing import Literal

from msgspec import Struct


class Health(Struct):
    """The process is up."""

    status: Literal["ok"] = "ok"


class Readiness(Struct):
    """Whether a model answers, and what each is doing."""

    status: Literal["ready", "loading", "draining"]
    models: dict[str, str]
