import os

from crewai import LLM

llm = LLM(
    model="openai/HuggingFaceTB/SmolLM2-135M-Instruct",
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
    max_tokens=100,
)

print(llm.call("What is the most famous street in Paris?"))
