curl http://127.0.0.1:8484/v1/batches \
    -H "Authorization: Bearer $PENSTOCK_API_KEY" \
    -H "Content-Type: application/json" \
    -d '{
          "input_file_id": "'"$FILE_ID"'",
          "endpoint": "/v1/chat/completions",
          "completion_window": "24h"
        }' | tee batch.json
