import os
import time

from openai import OpenAI

client = OpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
)

while True:
    batch = client.batches.retrieve(os.environ["BATCH_ID"])
    counts = batch.request_counts
    print(batch.status, counts.completed, counts.failed, counts.total)
    if batch.status in ("completed", "failed", "expired", "cancelled"):
        break
    time.sleep(2)
