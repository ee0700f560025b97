OUTPUT_FILE_ID=$(curl "http://127.0.0.1:8484/v1/batches/$BATCH_ID" \
    -H "Authorization: Bearer $PENSTOCK_API_KEY" \
    | sed -n 's/.*"output_file_id": *"\([^"]*\)".*/\1/p')
curl "http://127.0.0.1:8484/v1/files/$OUTPUT_FILE_ID/content" \
    -H "Authorization: Bearer $PENSTOCK_API_KEY" > results.jsonl
