curl --no-buffer http://127.0.0.1:8484/v1/chat/completions \
    -H "Authorization: Bearer $PENSTOCK_API_KEY" \
    -H "Content-Type: application/json" \
    -d '{
          "model": "HuggingFaceTB/SmolLM2-135M-Instruct",
          "messages": [
            {"role": "user", "content": "Tell me about the Seine."}
          ],
          "max_completion_tokens": 100,
          "stream": true,
          "stream_options": {"include_usage": true}
        }'
