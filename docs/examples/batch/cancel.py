import os

from openai import OpenAI

client = OpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
)

batch = client.batches.create(
    input_file_id=os.environ["FILE_ID"],
    endpoint="/v1/chat/completions",
    completion_window="24h",
)
batch = client.batches.cancel(batch.id)
print(batch.status)
