cat > requests.jsonl <<'END'
{"custom_id": "request-cook", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "HuggingFaceTB/SmolLM2-135M-Instruct", "messages": [{"role": "system", "content": "You are a cook."}, {"role": "user", "content": "What belongs into a breakfast sandwich?"}], "max_completion_tokens": 100}}
{"custom_id": "request-tutor", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "HuggingFaceTB/SmolLM2-135M-Instruct", "messages": [{"role": "system", "content": "You are a tutor."}, {"role": "user", "content": "Explain the Pythagorean theorem."}], "max_completion_tokens": 100}}
{"custom_id": "request-guide", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "HuggingFaceTB/SmolLM2-135M-Instruct", "messages": [{"role": "system", "content": "You are a guide."}, {"role": "user", "content": "What is the most famous street in Paris?"}], "max_completion_tokens": 100}}
END
