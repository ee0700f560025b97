"""CrewAI: an agent with a task, a crew that works through two, tools, and objects; its LLM is given our base URL."""

from typing import Any, Literal

from crewai import LLM, Agent, Crew, Process, Task
from crewai.events import LLMStreamChunkEvent, crewai_event_bus
from crewai.tools import tool
from crewai.utilities.exceptions.context_window_exceeding_exception import LLMContextLengthExceededError
from openai import APIStatusError
from pydantic import BaseModel, Field
from telling import API_KEY, BASE_URL, MODEL, tell


class Person(BaseModel):
    name: str = Field(max_length=12)
    age: int = Field(ge=1, le=99)


seen: list[str] = []


@tool("get_weather", result_as_answer=True)
def get_weather(city: Literal["Paris", "Oslo"]) -> str:
    """The weather in a city."""
    seen.append(city)
    return f"Sunny in {city}, 21 degrees"


def llm(**fields: Any) -> LLM:
    given = {"model": f"openai/{MODEL}", "base_url": BASE_URL, "api_key": API_KEY, "max_tokens": 32, "seed": 7}
    return LLM(**{**given, **fields})


def guide(model: LLM, **fields: Any) -> Agent:
    return Agent(role="Guide", goal="Answer in one line", backstory="You know Paris.", llm=model, **fields)


def chat() -> Any:
    agent = guide(llm())
    street = Task(description="Name a street in Paris.", expected_output="A street", agent=agent)
    why = Task(description="Say why it is known.", expected_output="A reason", agent=agent, context=[street])
    done = Crew(agents=[agent], tasks=[street, why], process=Process.sequential).kickoff()
    return {
        "call": llm().call("Say hello."),
        "tasks": [output.raw for output in done.tasks_output],
        "tokens": done.token_usage.total_tokens,
    }


def stream() -> Any:
    parts: list[str] = []

    @crewai_event_bus.on(LLMStreamChunkEvent)
    def note(_source: Any, event: LLMStreamChunkEvent) -> None:
        parts.append(event.chunk)

    streamed = llm(stream=True).call("Say hello.")
    crewai_event_bus.flush()
    return {"whole": llm().call("Say hello."), "streamed": streamed, "parts": parts}


def tools() -> Any:
    # CrewAI leaves it to the model whether it calls, and so small a one does not; `extra_body` goes over that.
    demand = {"tool_choice": "required", "parallel_tool_calls": False}
    agent = guide(llm(max_tokens=64, extra_body=demand), tools=[get_weather])
    task = Task(description="What is the weather in Paris?", expected_output="The weather", agent=agent)
    return {"answer": Crew(agents=[agent], tasks=[task]).kickoff().raw, "seen": seen}


def structured_output() -> Any:
    agent = guide(llm(max_tokens=64))
    task = Task(description="Describe a person.", expected_output="A person", agent=agent, output_pydantic=Person)
    answer = llm(max_tokens=64, response_format=Person).call("Describe a person.")
    return {
        "call": answer.model_dump() if isinstance(answer, Person) else answer,
        "task": Crew(agents=[agent], tasks=[task]).kickoff().pydantic.model_dump(),
    }


def errors() -> Any:
    told = {}
    for name, fields, question in (
        ("key", {"api_key": "psk_wrong"}, "Hello"),
        ("model", {"model": "openai/gpt-17"}, "Hello"),
        ("value", {"temperature": 3}, "Hello"),
        ("context", {}, "hello " * 9000),
    ):
        try:
            llm(**fields).call(question)
        except (APIStatusError, ValueError, LLMContextLengthExceededError) as error:
            told[name] = [type(error).__name__, str(error)]
    return told


if __name__ == "__main__":
    tell(chat, stream, tools, structured_output, errors)
