from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.catalogue.models import load_catalogue
from penstock.catalogue.prices import PriceList
from penstock.errors import OperatorError
from penstock.protocol.answer import CompletionDetails, PromptDetails, Usage
from penstock.protocol.price import Price


def priced(price: Any) -> PriceList | None:
    entry = {"id": "mine", "engine": "echo", "context_length": 64, "price": price}
    return load_catalogue([entry], {}).get("mine").price


def per_token(price: Any) -> Price:
    found = priced(price)
    assert found is not None
    return found.per_token()


@pytest.mark.parametrize(
    ("written", "price"),
    [
        ({"input": 0.35, "cached_input": 0.1, "output": 0.4}, Price(350_000, 100_000, 400_000)),
        ({"input": 0.35, "output": 0.4}, Price(350_000, 350_000, 400_000)),
        ({"input": 0.35, "cached_input": 0, "output": 0.4}, Price(350_000, 0, 400_000)),
        ({"output": 2}, Price(0, 0, 2_000_000)),
        ({"input": "0.000001"}, Price(1, 1, 0)),
        ({"input": 1_000_000}, Price(10**12, 10**12, 0)),
        ({}, Price()),
    ],
)
def test_a_price_is_counted_in_picos(written: dict[str, Any], price: Price) -> None:
    assert per_token(written) == price


def test_a_model_without_a_price_is_free() -> None:
    assert load_catalogue([{"id": "mine", "engine": "echo", "context_length": 64}], {}).get("mine").price is None


@given(st.integers(0, 10**9))
def test_what_was_written_as_a_decimal_is_met_to_the_pico(picos: int) -> None:
    """Also where it came as a float, as TOML has it: 0.1 + 0.2 is no price that anybody writes."""
    assert per_token({"input": float(Decimal(picos) / 10**6)}).input == picos


@pytest.mark.parametrize("wrong", [-0.1, 1_000_001, float("nan"), float("inf"), 0.0000001, "0.1234567", True, "much"])
@pytest.mark.parametrize("name", ["input", "cached_input", "output"])
def test_a_price_that_cannot_be_counted_is_refused(name: str, wrong: Any) -> None:
    with pytest.raises(OperatorError, match="catalogue entry mine is wrong"):
        priced({name: wrong})


def test_a_word_that_is_no_price_is_refused_by_name() -> None:
    with pytest.raises(OperatorError, match="outptu"):
        priced({"outptu": 1})


def test_the_cost_of_a_request_is_a_whole_number_of_picos() -> None:
    usage = Usage(10, 5, 15, PromptDetails(4), CompletionDetails(2))
    assert Price(350_000, 100_000, 400_000).cost(usage) == 6 * 350_000 + 4 * 100_000 + 5 * 400_000
