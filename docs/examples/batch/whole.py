import json
import os
import time

from openai import OpenAI

client = OpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
)

# The requests, one JSON object a line.
requests = [
    {
        "custom_id": f"request-{number}",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {
            "model": "HuggingFaceTB/SmolLM2-135M-Instruct",
            "messages": [
                {"role": "system", "content": "You are a guide."},
                {"role": "user", "content": f"Tell me about {place}."},
            ],
            "max_completion_tokens": 100,
        },
    }
    for number, place in enumerate(["Paris", "Lima", "Oslo"], 1)
]
with open("places.jsonl", "w") as file:
    for request in requests:
        file.write(json.dumps(request) + "\n")

# Upload them, and start the batch.
file = client.files.create(file=open("places.jsonl", "rb"), purpose="batch")
batch = client.batches.create(
    input_file_id=file.id,
    endpoint="/v1/chat/completions",
    completion_window="24h",
)

# Wait for its end.
while batch.status not in ("completed", "failed", "expired", "cancelled"):
    time.sleep(1)
    batch = client.batches.retrieve(batch.id)
    print(batch.status, batch.request_counts.completed, "of", len(requests))

# Fetch the answers.
results = client.files.content(batch.output_file_id).content
with open("places_results.jsonl", "wb") as file:
    file.write(results)
for line in results.decode().splitlines():
    result = json.loads(line)
    answer = result["response"]["body"]["choices"][0]["message"]["content"]
    print(result["custom_id"], "->", answer)
