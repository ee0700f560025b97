curl "http://127.0.0.1:8484/v1/batches/$BATCH_ID" \
    -H "Authorization: Bearer $PENSTOCK_API_KEY"
