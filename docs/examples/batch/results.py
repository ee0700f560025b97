import json
import os

from openai import OpenAI

client = OpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
)

batch = client.batches.retrieve(os.environ["BATCH_ID"])
if batch.output_file_id:
    results = client.files.content(batch.output_file_id)
    results.write_to_file("results.jsonl")

with open("results.jsonl") as file:
    for line in file:
        result = json.loads(line)
        answer = result["response"]["body"]["choices"][0]["message"]
        print(result["custom_id"], "->", answer["content"])
