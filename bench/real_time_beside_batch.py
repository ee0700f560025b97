"""Do real-time users notice a batch? Their times with and without a full batch behind, in one run, with a plot.

    python bench/real_time_beside_batch.py DATA_DIR [--rounds 14] [--seconds 36]

DATA_DIR has the default model in it, and the machine has nothing else to do. Each round has three phases: real-time
traffic alone, the same traffic in front of a batch that has always more lines, and the batch alone; every other round
they change places. The traffic is a Poisson process. Both phases have the same moments, words and lengths (no answer
may end before its limit), in another order of words, so that no cache has seen a prompt.

A gap between two tokens in which another real-time request's prompt was read is 20 times as long as the others, with
and without a batch. The traffic has more than one of these in a hundred gaps, so that the p99 stands among them and not
at the cliff; the other gaps are told apart. Intervals are of 95 %, by drawing whole rounds anew. Written to
bench/results/: real-time-beside-batch.json and .svg.
"""

import asyncio
import json
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import click
from curves import Curve, plot, quantile
from prometheus_client.parser import text_string_to_metric_families

RESULTS = Path(__file__).parent / "results"
MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
SUBJECTS = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8").split()
ENDS = ("0", "2")
"""The tokens with which the model ends an answer."""
LINES = 5000
LEAD_SECONDS = 6.0
"""A batch runs before it is measured: a line counts when it is done, so as many have to be half done at a phase's
beginning as at its end."""


@dataclass
class Seen:
    """What clients saw in one phase: seconds."""

    first_token: list[float] = field(default_factory=list)
    between_tokens: list[float] = field(default_factory=list)
    undisturbed: list[float] = field(default_factory=list)
    """Those between tokens while no other request's prompt was read."""
    busy: float = 0.0
    """In which at least one of them waited for something."""
    spent: float = 0.0
    line_tokens: float = 0.0
    put_backs: float = 0.0


Phases = list[Seen]
"""One of each round."""


@dataclass
class Arrival:
    """One request of the traffic."""

    at: float
    prompt: str
    tokens: int


def traffic(seconds: float, rate: float, seed: int) -> list[Arrival]:
    """The same moments and lengths each time for one seed, and prompts that no cache has seen."""
    chance, at, arrivals = random.Random(seed), 0.0, list[Arrival]()
    while (at := at + chance.expovariate(rate)) < seconds:
        words = chance.choices(SUBJECTS, k=chance.randint(10, 40))
        tokens = chance.choice([16, 24, 32, 48, 64])
        random.shuffle(words)
        arrivals.append(Arrival(at, " ".join(words), tokens))
    return arrivals


class Client:
    """Talks to the server as its users do."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str) -> None:
        self._session = session
        self._url = url
        self._headers = {"authorization": f"Bearer {key}"}

    async def json(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        async with self._session.request(method, self._url + path, headers=self._headers, **given) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == 200, answer
            return answer

    async def ask(self, arrival: Arrival) -> list[float]:
        """One streamed chat: when it began, and when each piece of text came."""
        body = {
            "model": MODEL,
            "messages": [{"role": "user", "content": arrival.prompt}],
            "max_tokens": arrival.tokens,
            "logit_bias": dict.fromkeys(ENDS, -100),
            "stream": True,
        }
        moments = [time.monotonic()]
        url = f"{self._url}/v1/chat/completions"
        async with self._session.post(url, json=body, headers=self._headers) as response:
            assert response.status == 200, await response.text()
            async for line in response.content:
                if b'"content":"' not in line or b'"role"' in line:
                    continue
                moments.append(time.monotonic())
        return moments

    async def metric(self, name: str, **labels: str) -> float:
        async with self._session.get(f"{self._url}/metrics", headers=self._headers) as response:
            text = await response.text()
        families = text_string_to_metric_families(text)
        samples = (sample for family in families for sample in family.samples)
        return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())

    async def upload(self, tokens: int) -> str:
        """A file of many lines; its id."""
        chance, lines = random.Random(0), list[str]()
        for number in range(LINES):
            words = " ".join(chance.choices(SUBJECTS, k=chance.randint(10, 40)))
            body = {"model": MODEL, "messages": [{"role": "user", "content": f"Sum up: {words}"}], "max_tokens": tokens}
            line = {"custom_id": str(number), "method": "POST", "url": "/v1/chat/completions", "body": body}
            lines.append(json.dumps(line))
        form = aiohttp.FormData({"purpose": "batch"})
        form.add_field("file", "\n".join(lines).encode(), filename="lines.jsonl")
        return str((await self.json("POST", "/v1/files", data=form))["id"])

    async def begin(self, file_id: str) -> str:
        """A batch whose lines run; its id."""
        body = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        batch_id = str((await self.json("POST", "/v1/batches", json=body))["id"])
        while not await self.metric("penstock_lines_running"):
            await asyncio.sleep(0.2)
        return batch_id

    async def cancel(self, batch_id: str) -> None:
        await self.json("POST", f"/v1/batches/{batch_id}/cancel")
        while await self.metric("penstock_slots_busy"):
            await asyncio.sleep(0.2)


async def phase(client: Client, seconds: float, arrivals: list[Arrival]) -> Seen:
    """So long, with this traffic; what the engine wrote for lines is kept, too."""
    tokens, put_backs = await _line_tokens(client), await client.metric("penstock_lines_put_back_total")
    began = time.monotonic()

    async def one(arrival: Arrival) -> list[float]:
        await asyncio.sleep(max(0.0, began + arrival.at - time.monotonic()))
        return await client.ask(arrival)

    answers = await asyncio.gather(*map(one, arrivals))
    await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
    seen = Seen(spent=time.monotonic() - began, busy=_covered([(each[0], each[-1]) for each in answers]))
    for answer in answers:
        seen.first_token.append(answer[1] - answer[0])
        read = [(other[0], other[1]) for other in answers if other is not answer]
        for before, after in pairwise(answer[1:]):
            seen.between_tokens.append(after - before)
            if not any(start < after and before < end for start, end in read):
                seen.undisturbed.append(after - before)
    await asyncio.sleep(0.5)  # the ledger's rows are counted when they are committed
    seen.line_tokens = await _line_tokens(client) - tokens
    seen.put_backs = await client.metric("penstock_lines_put_back_total") - put_backs
    return seen


async def _line_tokens(client: Client) -> float:
    """Tokens of lines that are done: read and written."""
    batches = (await client.json("GET", "/v1/batches?limit=100"))["data"]
    return float(sum(batch["usage"]["total_tokens"] for batch in batches if batch.get("usage")))


def _covered(spans: list[tuple[float, float]]) -> float:
    """The length of all spans together, each moment counted once."""
    total, end = 0.0, 0.0
    for start, stop in sorted(spans):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total


@asynccontextmanager
async def serving(data_dir: str) -> AsyncIterator[Client]:
    """A server of its own, over HTTP."""
    starter = Path(__file__).parent / "open_engine.py"
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(starter), data_dir, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        where = json.loads(await process.stdout.readline())
        timeout = aiohttp.ClientTimeout(total=600)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            yield Client(session, where["gateway_url"], where["gateway_key"])
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def measured(data_dir: str, *, rounds: int, seconds: float, rate: float, line_tokens: int) -> dict[str, Phases]:
    """Everything, by the kind of phase."""
    alone, beside, batch = Phases(), Phases(), Phases()
    async with serving(data_dir) as client:
        await phase(client, 5.0, traffic(5.0, 1.0, seed=-1))
        file_id = await client.upload(line_tokens)
        for number in range(rounds):
            alone_first = number % 2 == 0
            if alone_first:
                alone.append(await phase(client, seconds, traffic(seconds, rate, seed=number)))
            batch_id = await client.begin(file_id)
            await asyncio.sleep(LEAD_SECONDS)
            beside.append(await phase(client, seconds, traffic(seconds, rate, seed=number)))
            batch.append(await phase(client, seconds / 2, []))
            await client.cancel(batch_id)
            if not alone_first:
                alone.append(await phase(client, seconds, traffic(seconds, rate, seed=number)))
            click.echo(f"round {number + 1} of {rounds}: {_summary(alone, beside, batch)}", err=True)
    return {"alone": alone, "beside": beside, "batch": batch}


TIMES = ("first_token", "between_tokens", "undisturbed")


def _summary(alone: Phases, beside: Phases, batch: Phases) -> dict[str, float]:
    found: dict[str, float] = {"requests": len(_all(alone, "first_token"))}
    for name in TIMES:
        for share in (0.5, 0.99):
            before, after = (quantile(_all(phases, name), share) for phases in (alone, beside))
            label = f"{name} p{share * 100:.0f}"
            found |= {f"{label} alone ms": before * 1e3, f"{label} beside ms": after * 1e3}
            low, high = _interval(alone, beside, name, share)
            found |= {f"{label} ratio": after / before, f"{label} ratio from": low, f"{label} ratio to": high}
    for name, phases in (("alone", alone), ("beside", beside)):
        gaps = len(_all(phases, "between_tokens"))
        found |= {f"gaps {name}": gaps, f"disturbed {name}": 1 - len(_all(phases, "undisturbed")) / gaps}
    busy = sum(each.busy for each in alone) / sum(each.spent for each in alone)
    speed, left = (
        sum(each.line_tokens for each in kind) / sum(each.spent for each in kind) for kind in (batch, beside)
    )
    found |= {"busy share": busy, "batch alone tokens/s": speed, "batch beside tokens/s": left}
    found["batch share of the rest"] = left / (speed * (1 - busy))
    found["put backs"] = sum(each.put_backs for each in beside)
    return {name: round(value, 3) for name, value in found.items()}


def _all(phases: Iterable[Seen], name: str) -> list[float]:
    return [value for seen in phases for value in getattr(seen, name)]


def _interval(alone: Phases, beside: Phases, name: str, share: float) -> tuple[float, float]:
    """In which 95 of 100 ratios lie when rounds are drawn anew; both phases of a round stay together."""
    chance, ratios = random.Random(0), list[float]()
    for _ in range(200):
        drawn = chance.choices(range(len(alone)), k=len(alone))
        before, after = (
            quantile(_all((phases[number] for number in drawn), name), share) for phases in (alone, beside)
        )
        ratios.append(after / before)
    return quantile(ratios, 0.025), quantile(ratios, 0.975)


def _rounded(value: float | list[float]) -> float | list[float]:
    """To a tenth of a millisecond."""
    return [round(each, 4) for each in value] if isinstance(value, list) else round(value, 4)


@click.command()
@click.argument("data_dir")
@click.option("--rounds", default=14, show_default=True)
@click.option("--seconds", default=36.0, show_default=True, help="Of the longer phases.")
@click.option("--rate", default=0.6, show_default=True, help="Real-time requests a second.")
@click.option("--line-tokens", default=64, show_default=True, help="Most tokens of a line's answer.")
def main(data_dir: str, rounds: int, seconds: float, rate: float, line_tokens: int) -> None:
    """Measure, print, and write the results."""
    seen = asyncio.run(measured(data_dir, rounds=rounds, seconds=seconds, rate=rate, line_tokens=line_tokens))
    summary = _summary(seen["alone"], seen["beside"], seen["batch"])
    given = {"rounds": rounds, "seconds": seconds, "rate": rate, "line_tokens": line_tokens, "model": MODEL}
    kept = {
        kind: [
            {name: _rounded(value) for name, value in asdict(each).items() if name != "undisturbed"} for each in phases
        ]
        for kind, phases in seen.items()
    }
    text = json.dumps({"given": given, "summary": summary, "seen": kept})
    (RESULTS / "real-time-beside-batch.json").write_text(text + "\n", encoding="utf-8")
    curves = [
        Curve("first token, alone", _all(seen["alone"], "first_token"), "#2563eb"),
        Curve("first token, batch behind", _all(seen["beside"], "first_token"), "#dc2626"),
        Curve("between tokens, alone", _all(seen["alone"], "between_tokens"), "#60a5fa"),
        Curve("between tokens, batch behind", _all(seen["beside"], "between_tokens"), "#f87171"),
    ]
    title = f"Real-time requests with and without a batch behind, {MODEL}"
    (RESULTS / "real-time-beside-batch.svg").write_text(plot(title, curves), encoding="utf-8")
    for name, value in summary.items():
        click.echo(f"{name:36}{value:10.3f}")


if __name__ == "__main__":
    main()
