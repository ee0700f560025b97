curl http://127.0.0.1:8484/v1/messages \
    -H "x-api-key: $PENSTOCK_API_KEY" \
    -H "Content-Type: application/json" \
    -d '{
          "model": "HuggingFaceTB/SmolLM2-135M-Instruct",
          "max_tokens": 64,
          "messages": [
            {"role": "user", "content": "Which river flows through Paris?"}
          ]
        }'
