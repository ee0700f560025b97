import os

from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field


class City(BaseModel):
    """A city."""

    name: str = Field(max_length=40)
    country: str = Field(max_length=40)


llm = ChatOpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
    model="HuggingFaceTB/SmolLM2-135M-Instruct",
)

city = llm.with_structured_output(City).invoke("Describe Paris.")
print(city)
