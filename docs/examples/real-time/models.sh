curl http://127.0.0.1:8484/v1/models \
    -H "Authorization: Bearer $PENSTOCK_API_KEY"
