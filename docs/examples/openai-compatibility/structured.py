import os

from openai import OpenAI
from pydantic import BaseModel, Field

client = OpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
)


class City(BaseModel):
    name: str = Field(max_length=40)
    country: str = Field(max_length=40)
    population: int = Field(ge=0, le=100_000_000)


completion = client.chat.completions.parse(
    model="HuggingFaceTB/SmolLM2-135M-Instruct",
    messages=[{"role": "user", "content": "Describe Paris."}],
    response_format=City,
)

city = completion.choices[0].message.parsed
print(city.name, city.country, city.population)
