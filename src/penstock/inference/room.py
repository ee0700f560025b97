"""How much one request may have: the model's own bounds, or those of the caller's plan or key where they are less."""

from msgspec import Struct

from penstock.engines.engine import Endpoint
from penstock.tenants.caller import Caller, figure
from penstock.tenants.rules import owner_of


class Room(Struct, frozen=True):
    """The bounds of one request, in tokens, and whose they are: empty where they are the model's."""

    endpoint: Endpoint
    context_length: int
    """Prompt and answer together."""
    max_output: int
    """One answer."""
    context_owner: str = ""
    output_owner: str = ""

    @property
    def narrowed(self) -> bool:
        """Whether the engine would write on where the caller's context ends."""
        return self.context_length < self.endpoint.context_length


def room_for(caller: Caller, endpoint: Endpoint) -> Room:
    """What this caller may have of the endpoint's model."""
    bounds = caller.bounds_of(endpoint.model)
    context, output = endpoint.context_length, endpoint.max_output
    context_owner = output_owner = ""
    if bounds.context is not None and bounds.context < context:
        context, context_owner = bounds.context, _owner(caller, endpoint.model, "context", bounds.context)
    if bounds.max_output is not None and bounds.max_output < output:
        output, output_owner = bounds.max_output, _owner(caller, endpoint.model, "max_output", bounds.max_output)
    return Room(endpoint, context, output, context_owner, output_owner)


def _owner(caller: Caller, model: str, name: str, bound: int) -> str:
    """Whose figure it is; the account's plan before its keys."""
    ids = (subject.id for subject in caller.subjects if figure(subject.limits, model, name) == bound)
    return owner_of(next(ids), caller)
