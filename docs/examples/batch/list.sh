curl "http://127.0.0.1:8484/v1/batches?limit=1" \
    -H "Authorization: Bearer $PENSTOCK_API_KEY"
