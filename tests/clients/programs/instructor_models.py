"""Instructor: pydantic models as answers, by way of tools and of JSON schemas, whole and streamed."""

from typing import Any

import instructor
from instructor.core import InstructorRetryException
from openai import APIStatusError, OpenAI
from pydantic import BaseModel, Field
from telling import BASE_URL, MODEL, tell

ASKED: list[Any] = [{"role": "user", "content": "Describe a person."}]


class Person(BaseModel):
    """A person."""

    name: str = Field(max_length=12)
    age: int = Field(ge=1, le=99)


def ask(mode: instructor.Mode, *, key: str | None = None, **fields: Any) -> Any:
    client = instructor.from_openai(OpenAI(base_url=BASE_URL, api_key=key, max_retries=0), mode=mode)
    given = {"model": MODEL, "messages": ASKED, "response_model": Person, "max_tokens": 64, "seed": 7, **fields}
    return client.chat.completions.create(max_retries=0, **given)


def tools() -> Any:
    return ask(instructor.Mode.TOOLS).model_dump()


def structured_output() -> Any:
    return ask(instructor.Mode.JSON_SCHEMA).model_dump()


def stream() -> Any:
    seen = [
        partial.model_dump()
        for partial in ask(instructor.Mode.TOOLS, response_model=instructor.Partial[Person], stream=True)
    ]
    return {"seen": len(seen), "last": seen[-1]}


def errors() -> Any:
    told = {}
    for name, fields in (
        ("key", {"key": "psk_wrong"}),
        ("model", {"model": "gpt-17"}),
        ("value", {"temperature": 3}),
        ("context", {"messages": [{"role": "user", "content": "hello " * 9000}]}),
    ):
        try:
            ask(instructor.Mode.TOOLS, **fields)
        except InstructorRetryException as error:
            cause = error.__cause__
            assert isinstance(cause, APIStatusError)
            told[name] = [type(cause).__name__, cause.status_code, cause.code, cause.param]
    return told


if __name__ == "__main__":
    tell(tools, structured_output, stream, errors)
