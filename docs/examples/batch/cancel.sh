BATCH_ID=$(curl http://127.0.0.1:8484/v1/batches \
    -H "Authorization: Bearer $PENSTOCK_API_KEY" \
    -H "Content-Type: application/json" \
    -d '{
          "input_file_id": "'"$FILE_ID"'",
          "endpoint": "/v1/chat/completions",
          "completion_window": "24h"
        }' | sed -n 's/.*"id": *"\(batch_[^"]*\)".*/\1/p')
curl -X POST "http://127.0.0.1:8484/v1/batches/$BATCH_ID/cancel" \
    -H "Authorization: Bearer $PENSTOCK_API_KEY"
