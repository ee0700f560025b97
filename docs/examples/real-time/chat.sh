curl http://127.0.0.1:8484/v1/chat/completions \
    -H "Authorization: Bearer $PENSTOCK_API_KEY" \
    -H "Content-Type: application/json" \
    -d '{
          "model": "HuggingFaceTB/SmolLM2-135M-Instruct",
          "messages": [
            {
              "role": "user",
              "content": "What is the most famous street in Paris?"
            }
          ]
        }'
