"""A run as one HTML page that loads nothing: conditions, plots, and a table under each of them."""

from collections.abc import Callable, Sequence
from html import escape

from penstock.cli.bench.conditions import Conditions
from penstock.cli.bench.plan import Plan
from penstock.cli.bench.plot import Line, legend, over_steps, shares
from penstock.cli.bench.report_style import STYLE
from penstock.cli.bench.run import Run
from penstock.cli.bench.summary import Spread, Summary
from penstock.cli.bench.table import facts_of, failure_lines, label, latencies, number, rates, share

Value = Callable[[Summary], float | None]
_PERCENTILES: tuple[tuple[str, Callable[[Spread], float | None]], ...] = (
    ("p50", lambda spread: spread.p50),
    ("p95", lambda spread: spread.p95),
    ("p99", lambda spread: spread.p99),
)


def page(run: Run, plan: Plan, warnings: Sequence[str]) -> str:
    """The whole page. `run` has its conditions."""
    told, steps = run.conditions, run.steps
    if told is None:
        return ""
    slo = plan.slo
    figures = [
        _times("Time to first token (TTFT)", steps, lambda step: step.ttft_ms, _in_ms(slo.ttft)),
        _times("Time from token to token (ITL)", steps, lambda step: step.itl_ms, _in_ms(slo.itl)),
        _rates("Tokens a second", "tokens/s", steps, (("written", lambda step: step.tokens_per_second),)),
        _rates(
            "Answers a second, and goodput",
            "answers/s",
            steps,
            (("answers", lambda step: step.answers_per_second), ("goodput", lambda step: step.goodput)),
        ),
        _distribution("TTFT of all answers", steps, lambda step: step.ttft_ms),
        _distribution("Whole answers (E2E)", steps, lambda step: step.e2e_ms),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f"<title>{escape(told.model)}: how fast it answers</title><style>{STYLE}</style></head><body><main>"
        f"{_heading(told, interrupted=run.interrupted)}{_at_best(steps)}{_remarks(steps, warnings)}"
        f'<div class="figures">{"".join(figures)}</div>'
        f"<section><h2>All figures</h2><p>Times in milliseconds. The window of a step is the time in which its whole "
        f"load was on; rates are over it.</p>{_table(*latencies(steps))}{_table(*rates(steps))}</section>"
        f"{_conditions(told)}</main></body></html>\n"
    )


def _heading(told: Conditions, *, interrupted: bool) -> str:
    broken = " The run was interrupted." if interrupted else ""
    return (
        f"<header><p>penstock bench</p><h1>{escape(told.model)}</h1>"
        f"<p>at {escape(told.url)}, {escape(told.at)}. SLO: {escape(told.slo)}.{broken}</p></header>"
    )


def _at_best(steps: Sequence[Summary]) -> str:
    """The three figures that people quote, each with its load."""
    answered = [step for step in steps if step.answers]
    if not answered:
        return ""
    first, most = answered[0], max(answered, key=lambda step: step.tokens_per_second)
    good = max(answered, key=lambda step: step.goodput)
    figures = (
        (f"{number(first.ttft_ms.p50)} ms", f"to the first token (p50), {first.load}"),
        (f"{number(most.tokens_per_second)}", f"tokens a second at most, {most.load}"),
        (f"{number(good.goodput)}", f"good answers a second at most, {good.load}"),
    )
    tiles = "".join(f"<li><b>{escape(value)}</b> {escape(name)}</li>" for value, name in figures)
    return f'<ul class="tiles">{tiles}</ul>'


def _remarks(steps: Sequence[Summary], warnings: Sequence[str]) -> str:
    lines = [*failure_lines(steps), *warnings]
    items = "".join(f"<li>{escape(line.removeprefix('* '))}</li>" for line in lines)
    return f"<section><h2>To know</h2><ul>{items}</ul></section>" if lines else ""


def _times(title: str, steps: Sequence[Summary], of: Callable[[Summary], Spread], slo: float | None) -> str:
    lines = [Line(name, [(at, pick(of(step))) for at, step in enumerate(steps)]) for name, pick in _PERCENTILES]
    # A bound far above all that was seen would press the lines flat.
    highest = max([y for line in lines for _, y in line.points if y is not None], default=0.0)
    bound = slo if slo is not None and slo <= 2 * highest else None
    plot = over_steps(lines, _labels(steps), title=title, x_axis=_axis(steps), y_axis="ms", bound=bound)
    headings = [_axis(steps), "p50", "p95", "p99", "most", "samples"]
    rows = [
        [
            label(step),
            *(number(pick(of(step))) for _, pick in _PERCENTILES),
            number(of(step).max),
            f"{of(step).count:,}",
        ]
        for step in steps
    ]
    return _figure(title, legend([name for name, _ in _PERCENTILES]), plot, _table(headings, rows))


def _rates(title: str, unit: str, steps: Sequence[Summary], values: Sequence[tuple[str, Value]]) -> str:
    lines = [Line(name, [(at, of(step)) for at, step in enumerate(steps)]) for name, of in values]
    plot = over_steps(lines, _labels(steps), title=title, x_axis=_axis(steps), y_axis=unit)
    headings = [_axis(steps), *(name for name, _ in values), "good", "failed"]
    rows = [[label(step), *(number(of(step)) for _, of in values), share(step), f"{step.failed:,}"] for step in steps]
    return _figure(title, legend([name for name, _ in values]), plot, _table(headings, rows))


def _distribution(title: str, steps: Sequence[Summary], of: Callable[[Summary], Spread]) -> str:
    told = [step for step in steps if of(step).curve]
    lines = [Line(label(step), [(x, percent) for percent, x in enumerate(of(step).curve)]) for step in told]
    plot = shares(lines, title=f"{title}: cumulative distribution", x_axis="ms")
    headings = ["% of answers", *(label(step) for step in told)]
    rows = [[f"{at} %", *(number(of(step).curve[at]) for step in told)] for at in (10, 25, 50, 75, 90, 95, 99, 100)]
    return _figure(title, legend([line.name for line in lines]), plot, _table(headings, rows))


def _conditions(told: Conditions) -> str:
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd>{f'<code>{escape(value)}</code>' if name == 'Again' else escape(value)}</dd>"
        for name, value in facts_of(told)
    )
    return f"<section><h2>Conditions</h2><dl>{facts}</dl></section>"


def _figure(title: str, names: str, plot: str, table: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{names}{plot}{table}</section>"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="Table"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _labels(steps: Sequence[Summary]) -> list[str]:
    return [f"{step.load.value:g}" for step in steps]


def _axis(steps: Sequence[Summary]) -> str:
    return "clients" if not steps or steps[0].load.closed else "requests a second"


def _in_ms(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds
