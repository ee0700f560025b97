import json
import os

from openai import OpenAI

client = OpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
)
model = "HuggingFaceTB/SmolLM2-135M-Instruct"

tools = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string", "maxLength": 40}},
                "required": ["city"],
            },
        },
    }
]
messages = [{"role": "user", "content": "What is the weather in Paris?"}]

# The model says which function it wants called, and with what.
completion = client.chat.completions.create(
    model=model,
    messages=messages,
    tools=tools,
    tool_choice="required",
    parallel_tool_calls=False,
)
message = completion.choices[0].message
call = message.tool_calls[0]
print(call.function.name, json.loads(call.function.arguments))

# Your code calls it; the result goes back, and the model answers in words.
messages += [
    message.to_dict(),
    {"role": "tool", "tool_call_id": call.id, "content": "18 degrees, sunny"},
]
completion = client.chat.completions.create(
    model=model, messages=messages, max_completion_tokens=64
)
print(completion.choices[0].message.content)
