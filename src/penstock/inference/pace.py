"""How many lines of batches an engine does at once, beside others and alone: found by trying, told by nobody.

Beside others as many as these do not notice, which is none on a small CPU and many on a GPU: additive increase,
multiplicative decrease. One more is tried while one request runs, so seldom that not even the slowest hundredth of all
requests tells of it, and each time that it is noticed more seldom still.

Alone as many as the engine does the most with; where more add nothing, fewer are better, for fewer have to make way.
"""

NOTICED = 1.05
"""So many times the usual time from token to token is too long."""
_FIRST_PROBE = 200
_LAST_PROBE = 20_000
"""Requests from one probe to the next."""
_GOOD_PROBES = 3
_SMOOTHING = 0.2
_MOST_OTHERS = 16

_WORTH = 1.1
"""How much more twice as many lines have to bring."""
_LOOK_AGAIN = 100
"""Lines after which the neighbours of a number are tried again."""


class Beside:
    """The slots that lines may have while other requests run."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines = 0
        self._usual: dict[int, float] = {}
        """Requests at once -> seconds from token to token without a line beside them."""
        self._slower = 1.0
        self._good = 0
        self._until_probe = self._between = _FIRST_PROBE
        self._probing = False

    @property
    def lines(self) -> int:
        """How many now; one more during a probe."""
        return min(self._most, self._lines + self._probing)

    def begin(self, others: int) -> None:
        """A request enters, and so many run already: a probe may begin with one that is alone."""
        if others == 0 and self._until_probe <= 0 and self._lines < self._most:
            self._probing = True
            self._until_probe = self._between

    def answered(self, step_seconds: float, *, others: float, lines: float) -> None:
        """A request has ended whose tokens came so far apart, with so many requests, itself included, and lines at work
        in the mean."""
        probed, self._probing = self._probing, False
        self._until_probe -= 1
        among = max(1, min(_MOST_OTHERS, round(others)))
        usual = self._usual.get(among)
        if lines < 0.1:
            self._usual[among] = step_seconds if usual is None else usual + _SMOOTHING * (step_seconds - usual)
        elif usual is not None and probed and lines > self._lines + 0.5:
            self._judge_probe(step_seconds / usual)
        elif usual is not None and not probed:
            self._judge(step_seconds / usual)

    def _judge_probe(self, slower: float) -> None:
        if slower > NOTICED:
            self._good = 0
            self._between = min(_LAST_PROBE, 2 * self._between)
            self._until_probe = self._between
            return
        self._good += 1
        self._until_probe = 1  # what went well is tried again soon, for one answer proves little
        if self._good == _GOOD_PROBES:
            self._good, self._lines, self._slower = 0, self._lines + 1, 1.0
            self._between = _FIRST_PROBE

    def _judge(self, slower: float) -> None:
        self._slower += _SMOOTHING * (slower - self._slower)
        if self._slower > NOTICED:
            self._lines, self._slower = self._lines // 2, 1.0
            self._between = self._until_probe = min(_LAST_PROBE, 2 * self._between)


class Alone:
    """The slots that lines may have while no other request runs."""

    def __init__(self, most: int) -> None:
        self._levels = [1 << power for power in range(most.bit_length()) if 1 << power < most] + [most]
        self._at = min(2, len(self._levels) - 1)
        self._speed: dict[int, float] = {}
        """Level -> tokens a second of all lines together."""
        self._counted = 0
        self._since_look = 0

    @property
    def lines(self) -> int:
        return self._levels[self._at]

    def done(self, tokens: int, seconds: float, *, lines: float) -> None:
        """A line has left, having come to so many tokens in this time, with so many lines at work in the mean."""
        if not 0.75 * self.lines <= lines <= 1.25 * self.lines:
            return  # it saw another number for most of its time, or there were not enough lines
        speed, before = lines * tokens / max(seconds, 1e-6), self._speed.get(self._at)
        self._speed[self._at] = speed if before is None else before + _SMOOTHING * (speed - before)
        self._counted += 1
        self._since_look += 1
        if self._counted >= max(4, self.lines):
            self._counted = 0
            self._move()

    def _move(self) -> None:
        if self._since_look >= _LOOK_AGAIN:
            self._since_look = 0
            self._speed.pop(self._at - 1, None)
            self._speed.pop(self._at + 1, None)
        here, more, fewer = self._speed[self._at], self._speed.get(self._at + 1), self._speed.get(self._at - 1)
        if self._at > 0 and (fewer is None or here < _WORTH * fewer):
            self._at -= 1
        elif self._at < len(self._levels) - 1 and (more is None or more > _WORTH * here):
            self._at += 1


class Pace:
    """Both numbers of one engine."""

    def __init__(self, slots: int, *, reserve: int) -> None:
        self.others = Beside(slots - reserve)
        self.own = Alone(slots - reserve)

    @property
    def beside(self) -> int:
        return self.others.lines

    @property
    def alone(self) -> int:
        return self.own.lines
