"""What every request for text has in common on the wire, whatever it is about: model, sampling, bounds, delivery."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from penstock.errors import InvalidRequest
from penstock.protocol.messages import Name

MAX_CHOICES = 8

Temperature = Annotated[float, Meta(ge=0, le=2)]
TopP = Annotated[float, Meta(gt=0, le=1)]
TopK = Annotated[int, Meta(ge=0, le=1000)]
MinP = Annotated[float, Meta(ge=0, le=1)]
RepetitionPenalty = Annotated[float, Meta(gt=0, le=2)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Bias = Annotated[float, Meta(ge=-100, le=100)]
TokenId = Annotated[str, Meta(pattern=r"^[0-9]{1,7}\Z")]
Tokens = Annotated[int, Meta(ge=1, le=10_000_000)]
StopString = Annotated[str, Meta(min_length=1, max_length=256)]
Identifier = Annotated[str, Meta(max_length=512)]


class StreamOptions(Struct, forbid_unknown_fields=True):
    """`include_usage`: one more chunk with the usage before the end."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None
    """Accepted as OpenAI's API takes it; nothing here is padded."""


class TextRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a request for text may say in any of OpenAI's APIs: the model, how it is sampled, and for whom."""

    model: Name
    temperature: Temperature | None = None
    top_p: TopP | None = None
    top_k: TopK | None = None
    min_p: MinP | None = None
    repetition_penalty: RepetitionPenalty | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: Annotated[dict[TokenId, Bias], Meta(max_length=1024)] | None = None
    seed: Seed | None = None
    stop: StopString | Annotated[list[StopString], Meta(max_length=4)] | None = None
    stream: bool | None = None
    user: Identifier | None = None
    safety_identifier: Identifier | None = None
    prompt_cache_key: Identifier | None = None
    metadata: (
        Annotated[
            dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]],
            Meta(max_length=16),
        ]
        | None
    ) = None
    store: bool | None = None
    service_tier: Literal["auto", "default", "flex", "priority"] | None = None

    @property
    def tier_used(self) -> str | None:
        """The service tier that it is served with, where it names one: what answers say, as OpenAI's do."""
        return "default" if self.service_tier == "auto" else self.service_tier

    @property
    def stops(self) -> list[str]:
        if self.stop is None:
            return []
        return [self.stop] if isinstance(self.stop, str) else self.stop


class SamplingRequest(TextRequest, kw_only=True):
    """A request that an engine samples text for. `null` means the default everywhere."""

    max_tokens: Tokens | None = None
    n: Annotated[int, Meta(ge=1, le=MAX_CHOICES)] | None = None
    stream_options: StreamOptions | None = None

    @property
    def output_limit(self) -> int | None:
        """The most tokens the caller wants for one choice; None leaves it to the model."""
        return self.max_tokens

    @property
    def choices(self) -> int:
        """How many answers the request asks for."""
        return self.n or 1

    @property
    def include_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    def check(self) -> None:
        """Raises InvalidRequest where fields that are right by themselves contradict each other."""
        if self.stream_options is not None and not self.stream:
            raise InvalidRequest("stream_options goes with stream: true only.", param="stream_options")
