import os

from openai import OpenAI

client = OpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
)

for batch in client.batches.list(limit=10):
    print(batch.id, batch.status, batch.request_counts.total)
