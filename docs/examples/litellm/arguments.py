import os

from litellm import completion

answer = completion(
    model="openai/HuggingFaceTB/SmolLM2-135M-Instruct",
    api_base="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
    messages=[{"role": "user", "content": "Name a colour."}],
    max_tokens=16,
)

print(answer.choices[0].message.content)
