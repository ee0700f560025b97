import os

from openai import OpenAI

client = OpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
)

completion = client.chat.completions.create(
    model="HuggingFaceTB/SmolLM2-135M-Instruct",
    messages=[{"role": "user", "content": "Name a colour."}],
    max_completion_tokens=16,
    extra_body={"top_k": 20, "min_p": 0.1, "repetition_penalty": 1.1},
)

print(completion.choices[0].message.content)
