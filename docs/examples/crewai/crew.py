import os

from crewai import LLM, Agent, Crew, Task

llm = LLM(
    model="openai/HuggingFaceTB/SmolLM2-135M-Instruct",
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
    max_tokens=100,
)

guide = Agent(
    role="City guide",
    goal="Show visitors what is worth seeing",
    backstory="You have lived in Paris all your life.",
    llm=llm,
)
writer = Agent(
    role="Writer",
    goal="Put things into one friendly paragraph",
    backstory="You write for a travel magazine.",
    llm=llm,
)

find = Task(
    description="Name three places to see in {city}.",
    expected_output="A list of three places",
    agent=guide,
)
write = Task(
    description="Write a paragraph about these places.",
    expected_output="One paragraph",
    agent=writer,
    context=[find],
)

crew = Crew(agents=[guide, writer], tasks=[find, write])
result = crew.kickoff(inputs={"city": "Paris"})
print(result.raw)
print(result.token_usage.total_tokens, "tokens")
