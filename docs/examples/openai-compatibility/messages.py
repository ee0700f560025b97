from anthropic import Anthropic

client = Anthropic()

message = client.messages.create(
    model="HuggingFaceTB/SmolLM2-135M-Instruct",
    max_tokens=64,
    messages=[{"role": "user", "content": "Which river flows through Paris?"}],
)

print(message.content[0].text)
