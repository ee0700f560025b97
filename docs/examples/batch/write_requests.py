import json

questions = {
    "cook": "What belongs into a breakfast sandwich?",
    "tutor": "Explain the Pythagorean theorem.",
    "guide": "What is the most famous street in Paris?",
}

with open("requests.jsonl", "w") as file:
    for role, question in questions.items():
        request = {
            "custom_id": f"request-{role}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {
                "model": "HuggingFaceTB/SmolLM2-135M-Instruct",
                "messages": [
                    {"role": "system", "content": f"You are a {role}."},
                    {"role": "user", "content": question},
                ],
                "max_completion_tokens": 100,
            },
        }
        file.write(json.dumps(request) + "\n")

print("requests.jsonl has", len(questions), "requests.")
