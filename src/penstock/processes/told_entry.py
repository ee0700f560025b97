"""Requests of other processes, as far as those told of them, for whoever asks this one's."""

from penstock.engines.engine import Counts
from penstock.inference.meter import Asked, Entry
from penstock.processes.messages import Flight, Note
from penstock.tenants.caller import Caller


class ToldEntry(Entry):
    """A request that runs, or ran, in another process: to be read alone."""

    def __init__(self, *, entered: float | None, tokens: int) -> None:
        self.entered = entered
        self.first_token = None
        self.last_token = None
        self.counts = Counts(completion={0: tokens} if tokens else {})

    @classmethod
    def of_note(cls, note: Note) -> "ToldEntry":
        """One that is over."""
        return cls(entered=0.0 if note.entered else None, tokens=note.steps + 1)

    @classmethod
    def of_flight(cls, flight: Flight) -> "ToldEntry":
        """One that is under way."""
        entry = cls(entered=flight.entered, tokens=flight.completion_tokens)
        entry.created = flight.created
        entry.first_token, entry.last_token = flight.first_token, flight.last_token
        entry.caller = Caller(flight.account_id, key_id="", key_name=flight.key_name)
        entry.asked = Asked(request_id=flight.request_id, model=flight.model)
        return entry


def flight_of(entry: Entry) -> Flight:
    """What is told of a request under way."""
    return Flight(
        request_id=entry.asked.request_id,
        account_id=entry.caller.account_id,
        key_name=entry.caller.key_name,
        model=entry.asked.model,
        created=entry.created,
        entered=entry.entered,
        first_token=entry.first_token,
        last_token=entry.last_token,
        completion_tokens=entry.counts.usage().completion_tokens,
    )


def note_of(entry: Entry) -> Note:
    """What the metrics want of a request that is over."""
    # Choices are written side by side: the longest one says how many steps there were.
    return Note(entry.entered is not None, max(entry.counts.completion.values(), default=0) - 1)
