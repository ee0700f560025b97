import os

from langchain_openai import ChatOpenAI

llm = ChatOpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
    model="HuggingFaceTB/SmolLM2-135M-Instruct",
    max_tokens=100,
)

answer = llm.invoke("What is the most famous street in Paris?")
print(answer.content)
print(answer.usage_metadata)
