import os

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"18 degrees and sunny in {city}"


llm = ChatOpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
    model="HuggingFaceTB/SmolLM2-135M-Instruct",
    max_tokens=100,
)
llm = llm.bind_tools(
    [get_weather], tool_choice="any", parallel_tool_calls=False
)

answer = llm.invoke("What is the weather in Paris?")
for call in answer.tool_calls:
    print(call["name"], call["args"])
    print(get_weather.invoke(call["args"]))
