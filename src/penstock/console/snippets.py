"""Code that asks a model, ready to be run: one set of templates for the console, the command line and the guides."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from penstock.console.literals import javascript_style, json_style, python_style

Language = Literal["curl", "python", "langchain", "litellm", "crewai", "javascript", "cli"]
PLACEHOLDER = "YOUR_API_KEY"
"""Where a key belongs. Whoever shows the code may put one there: keys have no character that any language minds."""
VARIABLE = "PENSTOCK_API_KEY"
QUESTION = "What is the most famous street in Paris?"

_OWN = ("top_k", "min_p", "repetition_penalty")
"""Parameters that OpenAI's API has not: its clients for Python take them in `extra_body`."""
_OPTIONS = {
    "max_tokens": "--max-tokens",
    "max_completion_tokens": "--max-tokens",
    "temperature": "--temperature",
}


@dataclass(frozen=True)
class Call:
    """One request for an answer of a model."""

    url: str
    """Of the server, without `/v1`."""
    model: str
    messages: Sequence[Mapping[str, Any]] = ({"role": "user", "content": QUESTION},)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """As /v1/chat/completions takes them; without those that are not set."""
    from_environment: bool = False
    """Whether the code reads the key from the variable PENSTOCK_API_KEY, and has no place for one."""

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"


@dataclass(frozen=True)
class Snippet:
    """The templates of one language."""

    name: str
    syntax: Literal["sh", "python", "js"]
    install: str | None
    """The command that installs what it needs; None where that is on every machine, or Penstock itself."""
    code: Callable[[Call], str]


def _curl(call: Call) -> str:
    body = {"model": call.model, "messages": list(call.messages), **call.parameters}
    inner = json_style().write(body).replace("'", "'\\''")
    key = f"${VARIABLE}" if call.from_environment else PLACEHOLDER
    return (
        f"curl {shlex.quote(f'{call.base_url}/chat/completions')} \\\n"
        f'    -H "Authorization: Bearer {key}" \\\n'
        '    -H "Content-Type: application/json" \\\n'
        f"    -d '{inner}'\n"
    )


def _python(call: Call) -> str:
    asked = {"model": call.model, "messages": list(call.messages), **_apart(call.parameters)}
    return (
        f"{_imports(call, 'from openai import OpenAI')}"
        "client = OpenAI(\n"
        f"{_connection(call, 'base_url')}"
        ")\n\n"
        "completion = client.chat.completions.create(\n"
        f"{_arguments(asked)}"
        ")\n\n"
        "print(completion.choices[0].message.content)\n"
    )


def _langchain(call: Call) -> str:
    parameters = _apart(_with_max_tokens(call.parameters))
    if "response_format" in parameters:
        parameters["model_kwargs"] = {"response_format": parameters.pop("response_format")}
    return (
        f"{_imports(call, 'from langchain_openai import ChatOpenAI')}"
        "llm = ChatOpenAI(\n"
        f"{_connection(call, 'base_url')}"
        f"{_arguments({'model': call.model, **parameters})}"
        ")\n\n"
        f"answer = llm.invoke({python_style().write(list(call.messages))})\n\n"
        "print(answer.content)\n"
    )


def _litellm(call: Call) -> str:
    # It knows for each model of OpenAI's which parameters that has, and refuses this one for all it does not know.
    parameters = _apart(_with_max_tokens(call.parameters), "reasoning_effort")
    asked = {"messages": list(call.messages), **parameters}
    return (
        f"{_imports(call, 'from litellm import completion')}"
        "answer = completion(\n"
        f"{_arguments({'model': f'openai/{call.model}'})}"
        f"{_connection(call, 'api_base')}"
        f"{_arguments(asked)}"
        ")\n\n"
        "print(answer.choices[0].message.content)\n"
    )


def _crewai(call: Call) -> str:
    parameters = _apart(_with_max_tokens(call.parameters), "reasoning_effort", "response_format")
    if isinstance(parameters.get("stop"), str):
        parameters["stop"] = [parameters["stop"]]
    return (
        f"{_imports(call, 'from crewai import LLM')}"
        "llm = LLM(\n"
        f"{_arguments({'model': f'openai/{call.model}'})}"
        f"{_connection(call, 'base_url')}"
        f"{_arguments(parameters)}"
        ")\n\n"
        f"print(llm.call({python_style().write(list(call.messages))}))\n"
    )


def _javascript(call: Call) -> str:
    style = javascript_style()
    asked = {"model": call.model, "messages": list(call.messages), **call.parameters}
    key = f"process.env.{VARIABLE}" if call.from_environment else style.write(PLACEHOLDER)
    return (
        'import OpenAI from "openai";\n\n'
        "const client = new OpenAI({\n"
        f"  baseURL: {style.write(call.base_url)},\n"
        f"  apiKey: {key},\n"
        "});\n\n"
        "const completion = await client.chat.completions.create({\n"
        f"{style.lines(asked, '  ', between=': ')}"
        "});\n\n"
        "console.log(completion.choices[0].message.content);\n"
    )


def _cli(call: Call) -> str:
    """One prompt and its instructions: that is what the command takes, and the code says so where there is more."""
    messages = list(call.messages)
    system = [_text_of(each) for each in messages if each["role"] in ("system", "developer")]
    asked = [_text_of(each) for each in messages if each["role"] == "user"]
    options = [("--url", call.url), *([("--system", "\n".join(system))] if system else [])]
    options += [(_OPTIONS[name], str(each)) for name, each in call.parameters.items() if name in _OPTIONS]
    notes = ["what was said before the last prompt"] if len(messages) - len(system) > 1 else []
    notes += [name for name in call.parameters if name not in _OPTIONS]
    lines = [f"# Without {', '.join(notes)}: the command does not take that.\n"] if notes else []
    if not call.from_environment:
        lines.append(f"export {VARIABLE}={PLACEHOLDER}\n")
    prompt = asked[-1] if asked else QUESTION
    # What begins with a dash would be taken for an option.
    end = "-- " if prompt.startswith("-") or call.model.startswith("-") else ""
    written = "".join(f"    {name} {shlex.quote(value)} \\\n" for name, value in options)
    lines.append(f"penstock run \\\n{written}    {end}{shlex.quote(call.model)} {shlex.quote(prompt)}\n")
    return "".join(lines)


SNIPPETS: dict[Language, Snippet] = {
    "curl": Snippet("curl", "sh", None, _curl),
    "python": Snippet("Python", "python", "pip install openai", _python),
    "langchain": Snippet("LangChain", "python", "pip install langchain-openai", _langchain),
    "litellm": Snippet("LiteLLM", "python", "pip install litellm", _litellm),
    "crewai": Snippet("CrewAI", "python", "pip install crewai", _crewai),
    "javascript": Snippet("JavaScript", "js", "npm install openai", _javascript),
    "cli": Snippet("Command line", "sh", None, _cli),
}
"""In the order that they are shown in."""


def _imports(call: Call, line: str) -> str:
    return f"import os\n\n{line}\n\n" if call.from_environment else f"{line}\n\n"


def _connection(call: Call, url_name: str) -> str:
    style = python_style()
    key = f'os.environ["{VARIABLE}"]' if call.from_environment else style.write(PLACEHOLDER)
    return f"    {url_name}={style.write(call.base_url)},\n    api_key={key},\n"


def _arguments(pairs: Mapping[str, Any]) -> str:
    return python_style().lines(pairs, "    ", between="=")


def _apart(parameters: Mapping[str, Any], *more: str) -> dict[str, Any]:
    """The parameters with our own, and `more`, in `extra_body`."""
    extra = {name: value for name, value in parameters.items() if name in (*_OWN, *more)}
    usual = {name: value for name, value in parameters.items() if name not in extra}
    return {**usual, "extra_body": extra} if extra else usual


def _with_max_tokens(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The older name for the most tokens, which is the one that clients of several APIs have."""
    return {"max_tokens" if name == "max_completion_tokens" else name: each for name, each in parameters.items()}


def _text_of(message: Mapping[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if "text" in part)
