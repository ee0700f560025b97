import os

from langchain_openai import ChatOpenAI

llm = ChatOpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
    model="HuggingFaceTB/SmolLM2-135M-Instruct",
    max_tokens=100,
    stream_usage=True,
)

for chunk in llm.stream("Tell me about the Seine."):
    print(chunk.content, end="", flush=True)
    if chunk.usage_metadata:
        print(f"\n{chunk.usage_metadata['output_tokens']} tokens")
