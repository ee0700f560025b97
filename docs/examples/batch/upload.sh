curl http://127.0.0.1:8484/v1/files \
    -H "Authorization: Bearer $PENSTOCK_API_KEY" \
    -F "file=@requests.jsonl" \
    -F "purpose=batch" | tee file.json
