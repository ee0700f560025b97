from litellm import completion
from pydantic import BaseModel, Field


class City(BaseModel):
    name: str = Field(max_length=40)
    country: str = Field(max_length=40)


answer = completion(
    model="openai/HuggingFaceTB/SmolLM2-135M-Instruct",
    messages=[{"role": "user", "content": "Describe Paris."}],
    response_format=City,
)

print(City.model_validate_json(answer.choices[0].message.content))
