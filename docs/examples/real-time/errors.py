import os

import openai

client = openai.OpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
)

try:
    client.chat.completions.create(
        model="HuggingFaceTB/SmolLM2-135M-Instruct",
        messages=[{"role": "user", "content": "Hello"}],
        temperature=9,
    )
except openai.BadRequestError as error:
    print(error.code, error.param)
    print(error.body["message"])
    print("Request id:", error.request_id)
