"""What every request for text has in common: each bound tried on both of its sides."""

import math
from typing import Any

import msgspec
import pytest

from penstock.errors import InvalidRequest
from penstock.protocol.sampling import SamplingRequest


def request(**fields: Any) -> SamplingRequest:
    return msgspec.convert({"model": "m", **fields}, SamplingRequest)


@pytest.mark.parametrize(
    ("field", "inside", "outside"),
    [
        ("model", ["m", "m" * 256], ["", "m" * 257]),
        ("temperature", [0, 2, 0.7], [-0.001, 2.001]),
        ("top_p", [0.0001, 1], [0, 1.001]),
        ("top_k", [0, 1000], [-1, 1001]),
        ("min_p", [0, 1], [-0.001, 1.001]),
        ("repetition_penalty", [0.001, 2], [0, 2.001]),
        ("presence_penalty", [-2, 2], [-2.001, 2.001]),
        ("frequency_penalty", [-2, 2], [-2.001, 2.001]),
        ("logit_bias", [{}, {"0": -100}, {"9999999": 100}], [{"0": 101}, {"-1": 0}, {"12345678": 0}, {"a": 0}]),
        ("seed", [-(2**63), 2**63 - 1], [-(2**63) - 1, 2**63]),
        ("max_tokens", [1, 10_000_000], [0, 10_000_001]),
        ("n", [1, 8], [0, 9]),
        ("stop", ["x", "x" * 256, [], ["x"] * 4], ["", "x" * 257, ["x"] * 5, [""]]),
        ("user", ["", "x" * 512], ["x" * 513]),
        ("safety_identifier", ["", "x" * 512], ["x" * 513]),
        ("prompt_cache_key", ["", "x" * 512], ["x" * 513]),
        ("metadata", [{}, {"k" * 64: "v" * 512}], [{"k" * 65: ""}, {"k": "v" * 513}, {str(n): "" for n in range(17)}]),
        ("service_tier", ["auto", "default", "flex", "priority"], ["scale", ""]),
    ],
)
def test_the_bounds_of_each_field(field: str, inside: list[Any], outside: list[Any]) -> None:
    for value in inside:
        assert getattr(request(**{field: value}), field) == value
    for value in outside:
        with pytest.raises(msgspec.ValidationError):
            request(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[(field, value) for field in ("temperature", "top_p", "min_p") for value in ("1", True, [1], math.nan)],
        *[(field, value) for field in ("n", "seed", "max_tokens", "top_k") for value in ("1", True, 1.5)],
        *[(field, value) for field in ("stream", "store") for value in (1, "true")],
        ("stop", 1),
        ("user", 5),
        ("logit_bias", {"1": "5"}),
        ("logit_bias", [[1, 5]]),
        ("metadata", {"a": 1}),
        ("stream_options", {"include_usage": 1}),
        ("stream_options", {"include_stats": True}),
    ],
)
def test_types_are_strict(field: str, value: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        request(**{field: value})


def test_every_field_but_the_model_may_be_null() -> None:
    fields = [field.name for field in msgspec.structs.fields(SamplingRequest) if field.name != "model"]
    assert request(**dict.fromkeys(fields)) == request()
    with pytest.raises(msgspec.ValidationError):
        request(model=None)


@pytest.mark.parametrize(("stop", "stops"), [(None, []), ("x", ["x"]), ([], []), (["x", "y"], ["x", "y"])])
def test_stop_strings_are_a_list(stop: Any, stops: list[str]) -> None:
    assert request(stop=stop).stops == stops


def test_what_a_silent_request_means() -> None:
    silent = request()
    assert (silent.choices, silent.output_limit, silent.stops, silent.include_usage) == (1, None, [], False)
    assert (request(n=3).choices, request(max_tokens=7).output_limit) == (3, 7)


@pytest.mark.parametrize(("options", "wanted"), [(None, False), ({}, False), ({"include_usage": True}, True)])
def test_usage_in_a_stream_is_asked_for(options: Any, wanted: bool) -> None:
    asked = request(stream=True, stream_options=options)
    asked.check()
    assert asked.include_usage is wanted


@pytest.mark.parametrize("stream", [None, False])
def test_options_of_a_stream_without_a_stream(stream: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        request(stream=stream, stream_options={}).check()
    assert refused.value.param == "stream_options"
