import os

from openai import OpenAI

client = OpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
)

requests = b"""\
{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {}}
{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {}}
{"custom_id": "b", "method": "GET", "url": "/v1/chat/completions", "body": {}}
"""
file = client.files.create(file=("odd.jsonl", requests), purpose="batch")
batch = client.batches.create(
    input_file_id=file.id,
    endpoint="/v1/chat/completions",
    completion_window="24h",
)
while batch.status == "validating":
    batch = client.batches.retrieve(batch.id)

print(batch.status)
for fault in batch.errors.data:
    print(f"line {fault.line}: {fault.code}: {fault.message}")
