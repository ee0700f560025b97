import os

from openai import OpenAI

client = OpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
)

messages = [{"role": "system", "content": "You answer in one short sentence."}]

for question in [
    "What is the capital of France?",
    "Which river flows through it?",
]:
    messages.append({"role": "user", "content": question})
    completion = client.chat.completions.create(
        model="HuggingFaceTB/SmolLM2-135M-Instruct",
        messages=messages,
        max_completion_tokens=64,
    )
    answer = completion.choices[0].message.content
    messages.append({"role": "assistant", "content": answer})
    print(f"> {question}\n{answer}\n")
