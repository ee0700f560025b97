from litellm import completion

stream = completion(
    model="openai/HuggingFaceTB/SmolLM2-135M-Instruct",
    messages=[{"role": "user", "content": "Tell me about the Seine."}],
    max_tokens=100,
    stream=True,
)

for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
