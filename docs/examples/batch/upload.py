import os

from openai import OpenAI

client = OpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
)

with open("requests.jsonl", "rb") as requests:
    file = client.files.create(file=requests, purpose="batch")

print(file.to_json())
