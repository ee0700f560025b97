"""What tests of lines that make way look at."""

import openai
from prometheus_client.parser import text_string_to_metric_families
from running_server import RunningServer


def number(server: RunningServer, name: str, **labels: str) -> float:
    """One of the server's metrics."""
    for family in text_string_to_metric_families(server.metrics().body.decode()):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    raise AssertionError(name)


def is_over(client: openai.OpenAI, batch_id: str) -> bool:
    """Whether every line of the batch is done."""
    return client.batches.retrieve(batch_id).status == "completed"
