"""What a model costs, as an operator writes it, and as it is counted."""

from decimal import Decimal

from msgspec import Struct

from penstock.protocol.price import Price

_PICOS_PER_TOKEN = 10**6
"""Of a price of 1 for a million tokens."""
_DEAREST = 10**6


class PriceList(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`price = { input = 0.35, output = 0.4 }`: for a million tokens, in the currency of the server's settings."""

    input: Decimal = Decimal()
    cached_input: Decimal | None = None
    """Of tokens of the prompt that the engine had read before; left out: as `input`."""
    output: Decimal = Decimal()

    def __post_init__(self) -> None:
        for name, price in (("input", self.input), ("cached_input", self.cached), ("output", self.output)):
            # Comparing with NaN is an error of its own, so that is asked for first.
            if not (price.is_finite() and 0 <= price <= _DEAREST):
                raise ValueError(f"a price's {name} is from 0 to {_DEAREST} for a million tokens")
            if price * _PICOS_PER_TOKEN % 1:
                raise ValueError(
                    f"a price's {name} has 6 decimal places at most: nothing is counted below a pico a token"
                )

    @property
    def cached(self) -> Decimal:
        return self.input if self.cached_input is None else self.cached_input

    def per_token(self) -> Price:
        """The same in picos for one token, exactly."""
        return Price(*(int(price * _PICOS_PER_TOKEN) for price in (self.input, self.cached, self.output)))
