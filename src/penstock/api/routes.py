"""Which URL of the hot plane leads where."""

from penstock.api.anthropic import Messages
from penstock.api.asgi import Handler
from penstock.api.chat import PLAYGROUND, ChatCompletions
from penstock.api.completions import TextCompletions
from penstock.api.door import Door
from penstock.api.embeddings import Embeddings
from penstock.api.responses import Responses
from penstock.inference.completion import Inference
from penstock.protocol.anthropic_errors import AnthropicErrors
from penstock.protocol.errors import ErrorForm
from penstock.web.access import ACTING
from penstock.web.gate import Gate


def hot_routes(gate: Gate, inference: Inference, *, ping_seconds: float) -> dict[str, dict[str, Handler]]:
    """Path -> method -> handler."""
    playground = Door(gate.acting, ACTING, ping_seconds=ping_seconds)
    return {
        **key_routes(gate, inference, ping_seconds=ping_seconds),
        PLAYGROUND: {"POST": ChatCompletions(playground, inference, timed=True).create},
    }


def key_routes(gate: Gate, inference: Inference, *, ping_seconds: float) -> dict[str, dict[str, Handler]]:
    """Those that take keys: all but what the console has for itself."""
    door = Door(gate.caller, ping_seconds=ping_seconds)
    messages = Messages(door, inference)
    return {
        "/v1/chat/completions": {"POST": ChatCompletions(door, inference).create},
        "/v1/completions": {"POST": TextCompletions(door, inference).create},
        "/v1/responses": {"POST": Responses(door, inference).create},
        "/v1/embeddings": {"POST": Embeddings(door, inference).create},
        "/v1/messages": {"POST": messages.create},
        "/v1/messages/count_tokens": {"POST": messages.count_tokens},
    }


def also() -> dict[str, str]:
    """Path -> the one that is meant: clients of the API that this one re-creates put a slash behind some."""
    return {f"{path}/": path for path in ("/v1/files", "/v1/batches")}


def error_forms() -> dict[str, ErrorForm]:
    """Path -> the form of its errors, where that is not OpenAI's."""
    return dict.fromkeys(("/v1/messages", "/v1/messages/count_tokens"), AnthropicErrors())
