import os

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver

llm = ChatOpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
    model="HuggingFaceTB/SmolLM2-135M-Instruct",
    max_tokens=64,
)
agent = create_agent(
    llm,
    system_prompt="You answer in one short sentence.",
    checkpointer=InMemorySaver(),
)

# The thread's id says which conversation a message belongs to.
thread = {"configurable": {"thread_id": "first"}}

for text in ["My name is Ada.", "What is my name?"]:
    messages = [{"role": "user", "content": text}]
    state = agent.invoke({"messages": messages}, thread)
    print(f"> {text}\n{state['messages'][-1].content}\n")
