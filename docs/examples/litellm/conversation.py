from litellm import completion

messages = [{"role": "system", "content": "You answer in one short sentence."}]

for question in [
    "What is the capital of France?",
    "Which river flows through it?",
]:
    messages.append({"role": "user", "content": question})
    stream = completion(
        model="openai/HuggingFaceTB/SmolLM2-135M-Instruct",
        messages=messages,
        max_tokens=64,
        stream=True,
    )
    answer = ""
    print(f"> {question}")
    for chunk in stream:
        piece = chunk.choices[0].delta.content or ""
        print(piece, end="", flush=True)
        answer += piece
    print("\n")
    messages.append({"role": "assistant", "content": answer})
