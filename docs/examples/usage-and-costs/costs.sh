curl "http://127.0.0.1:8484/v1/organization/costs?start_time=$(date +%s)&group_by=line_item" \
    -H "Authorization: Bearer $PENSTOCK_ADMIN_KEY"
