import os

from openai import OpenAI

client = OpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
)

completion = client.completions.create(
    model="HuggingFaceTB/SmolLM2-135M-Instruct",
    prompt="The Seine is a river that",
    max_tokens=24,
)

print(completion.choices[0].text)
