import os
import time

from openai import OpenAI

client = OpenAI(
    base_url="http://127.0.0.1:8484/v1",
    api_key=os.environ["PENSTOCK_API_KEY"],
    admin_api_key=os.environ["PENSTOCK_ADMIN_KEY"],
)
usage = client.admin.organization.usage

question = {"start_time": int(time.time()) - 30 * 86_400, "limit": 31}
page = usage.completions(**question, group_by=["user_id", "model"])
for bucket in page.data:
    for result in bucket.results:
        print(
            bucket.start_time,
            result.user_id,
            result.model,
            result.input_tokens,
            result.output_tokens,
        )

for bucket in usage.costs(**question, group_by=["line_item"]).data:
    for result in bucket.results:
        print(
            bucket.start_time,
            result.line_item,
            result.amount.value,
            result.amount.currency,
        )
