import os

from openai import OpenAI

client = OpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
)

response = client.responses.create(
    model="HuggingFaceTB/SmolLM2-135M-Instruct",
    instructions="You answer in one short sentence.",
    input="Which river flows through Paris?",
    max_output_tokens=64,
)

print(response.output_text)
