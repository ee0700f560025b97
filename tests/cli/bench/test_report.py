"""The page: whole in itself, honest about holes, and safe against what a server calls itself."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from bench_command import answer, failed, plan, step

from penstock.cli.bench.conditions import conditions
from penstock.cli.bench.plan import Load, Plan
from penstock.cli.bench.plot import Line, decades, nice, over_steps, shares, tidy
from penstock.cli.bench.report import page
from penstock.cli.bench.run import Run
from penstock.cli.bench.summary import summed
from penstock.cli.bench.table import facts_of, failure_lines, fitted, number

HOSTILE = "</title><script>alert(1)</script>"


def run(one: Plan) -> Run:
    steps = [
        step(answer(0.2, 0.24, 0.28), answer(0.3, 0.35, 0.39), clients=1),
        step(answer(0.4, 0.5), failed("429 rate", HOSTILE, retry_after=2), clients=2),
        step(failed("timeout"), clients=4),
    ]
    told = conditions(one, url="http://10.0.0.5", server=HOSTILE, fields={"model": one.model}, words=9)
    return Run(told, [summed(each, one.slo) for each in steps])


@pytest.fixture(scope="module")
def html() -> str:
    one = plan(Load("clients", 1), Load("clients", 2), Load("clients", 4), model=HOSTILE)
    return page(run(one), one, ["* Few of them."])


class Elements(HTMLParser):
    """The elements of a page, with their attributes, and whether each was closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_nothing_is_loaded_and_nothing_runs(html: str) -> None:
    elements = Elements(html).found
    assert {tag for tag, _ in elements} & {"script", "link", "img", "iframe", "object", "embed", "use"} == set()
    loading = {"src", "href", "srcset", "style", "xlink:href"}
    assert [given for _, given in elements if loading & given.keys() or any(name[:2] == "on" for name in given)] == []
    assert "url(" not in html
    assert "@import" not in html


def test_what_a_server_says_is_text(html: str) -> None:
    assert "<script" not in html
    assert html.count("&lt;script&gt;alert(1)") >= 3


def test_every_plot_is_drawn_and_has_its_table(html: str) -> None:
    sections = re.findall(r"<section>(.*?)</section>", html, re.DOTALL)
    plots = [section for section in sections if 'class="plot"' in section]
    assert len(plots) == 6
    for section in plots:
        (drawn,) = re.findall(r'<svg class="plot".*?</svg>', section)
        assert ET.fromstring(drawn).get("aria-label")
        assert "<table>" in section.partition("</svg>")[2]


def test_a_step_without_answers_is_a_hole_and_no_zero(html: str) -> None:
    (ttft,) = re.findall(r"<h2>Time to first token.*?</section>", html, re.DOTALL)
    assert ttft.count("<circle") == 3 * 2
    assert '<th scope="row">4 clients</th><td>-</td>' in ttft


def test_the_command_to_repeat_it_is_on_the_page(html: str) -> None:
    assert "<code>penstock bench --url http://10.0.0.5 " in html


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.3, 0.3), (7, 8), (99, 100), (101, 200), (2100, 3000), (81, 100)])
def test_an_axis_ends_on_a_round_number(value: float, top: float) -> None:
    assert nice(value) == pytest.approx(top)


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        ([], [1, 2, 5, 10]),
        ([5], [5, 10]),
        ([342, 2752], [200, 500, 1000, 2000, 5000]),
        ([14, 2225], [10, 100, 1000, 5000]),
        ([0], [0.001, 0.002]),
    ],
)
def test_a_logarithmic_axis_holds_all_values(values: list[float], marks: list[float]) -> None:
    assert decades(values) == pytest.approx(marks)


def test_a_line_is_where_its_values_are() -> None:
    """The highest tick and the value on it have one place; half of it is half way down."""
    drawn = ET.fromstring(
        over_steps([Line("p50", [(0, 100.0), (1, 50.0)])], ["1", "2"], title="t", x_axis="x", y_axis="y", bound=100)
    )
    top, middle = (float(dot.attrib["cy"]) for dot in drawn.iter("circle"))
    ticks = {text.text: float(text.attrib["y"]) - 4 for text in drawn.iter("text") if "tick" in text.attrib["class"]}
    assert (top, middle) == pytest.approx((ticks["100"], ticks["50"]), abs=0.11)


def test_plots_of_nothing_are_drawn() -> None:
    for drawn in (over_steps([], [], title="t", x_axis="x", y_axis="y"), shares([], title="t", x_axis="x")):
        assert ET.fromstring(drawn).tag == "svg"


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (0.25, "0.25"), (40, "40"), (1200, "1,200"), (2.5, "2.5")])
def test_ticks_are_short(value: float, text: str) -> None:
    assert tidy(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.421, "0.42"), (4.2, "4.20"), (42, "42.0"), (421.4, "421"), (4214, "4,214")]
)
def test_figures_have_about_three_digits(value: float | None, text: str) -> None:
    assert number(value) == text


def test_refusals_are_told_with_the_time_the_server_asked_for() -> None:
    one = plan()
    assert failure_lines(run(one).steps) == [
        f"2 clients: 1 x 429 rate, Retry-After 2 s: {HOSTILE}",
        "4 clients: 1 x timeout: No.",
    ]
    broken = replace(run(one).steps[0], interrupted=True, unfinished=3)
    assert failure_lines([broken]) == ["1 client: interrupted, 3 requests under way do not count."]


def test_the_conditions_say_what_was_asked() -> None:
    told = run(plan()).conditions
    assert told is not None
    facts = dict(facts_of(told))
    assert facts["Load"] == "1 client, 2 clients; 8 s a step; 4 requests before, which do not count"
    assert facts["SLO"].startswith("TTFT up to 500 ms, ITL up to 50 ms")
    assert "aiohttp" in facts["Client"]


def test_a_table_that_is_wider_than_the_screen_is_several() -> None:
    whole = (["Load", "Answers", "TTFT p50"], [["2 clients", "1,000", "43.3"]])
    assert fitted(whole, 28) == [whole], "9, 7 and 8 letters, and two gaps"
    assert fitted(whole, 27) == [
        (["Load", "Answers"], [["2 clients", "1,000"]]),
        (["Load", "TTFT p50"], [["2 clients", "43.3"]]),
    ]
    assert [headings for headings, _ in fitted(whole, 1)] == [["Load", "Answers"], ["Load", "TTFT p50"]]
