from litellm import completion

answer = completion(
    model="openai/HuggingFaceTB/SmolLM2-135M-Instruct",
    messages=[
        {"role": "user", "content": "What is the most famous street in Paris?"},
    ],
    max_tokens=100,
)

print(answer.choices[0].message.content)
print(answer.usage.completion_tokens, "tokens")
