import os

from crewai import LLM, Agent, Crew, Task
from pydantic import BaseModel, Field


class City(BaseModel):
    name: str = Field(max_length=40)
    country: str = Field(max_length=40)


llm = LLM(
    model="openai/HuggingFaceTB/SmolLM2-135M-Instruct",
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
    max_tokens=200,
)
guide = Agent(
    role="City guide",
    goal="Know cities",
    backstory="You have travelled everywhere.",
    llm=llm,
)
task = Task(
    description="Describe Paris.",
    expected_output="A city",
    agent=guide,
    output_pydantic=City,
)

result = Crew(agents=[guide], tasks=[task]).kickoff()
print(result.pydantic)
