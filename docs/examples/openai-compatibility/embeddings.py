import os

from openai import OpenAI

client = OpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
)

answer = client.embeddings.create(
    model="HuggingFaceTB/SmolLM2-135M-Embedding",
    input=["The cat sleeps.", "A kitten is asleep.", "Taxes are due in May."],
)

cat, kitten, taxes = (item.embedding for item in answer.data)
for name, other in [("kitten", kitten), ("taxes", taxes)]:
    print(name, sum(a * b for a, b in zip(cat, other, strict=True)))
