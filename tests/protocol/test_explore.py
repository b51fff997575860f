"""The search itself: shortest traces, quiet states judged, and no going round."""

from collections.abc import Iterator
from functools import partial

from tests.protocol.explore import Step, Violation, explore


class Walk:
    """From 0 to 9 in steps of 1 or 3; `bad` breaks a promise, a step back may be a failure or not."""

    def __init__(self, bad: int | None = None, *, back: bool = False, fails: bool = False, quiet_at: int = 9) -> None:
        self.bad, self.back, self.fails, self.quiet_at = bad, back, fails, quiet_at

    def initial(self) -> int:
        return 0

    def steps(self, state: int) -> Iterator[Step]:
        for stride in (1, 3):
            if state + stride <= 9:
                yield Step(f"+{stride}", partial(self._arrive, state + stride))
        if self.back and state == 5:
            yield Step("back", 4, self.fails)

    def _arrive(self, there: int) -> int:
        if there == self.bad:
            raise Violation(f"at {there}")
        return there

    def judge(self, state: int) -> None:
        if state != self.quiet_at:
            raise Violation(f"quiet at {state}")


def test_the_trace_to_a_broken_promise_is_a_shortest_one() -> None:
    report = explore(Walk(bad=7), 100)
    assert (report.broken, sorted(report.trace)) == ("at 7", ["+1", "+3", "+3"])


def test_a_state_where_nothing_goes_on_is_judged() -> None:
    report = explore(Walk(quiet_at=8), 100)
    assert (report.broken, report.trace) == ("quiet at 9", ("+3", "+3", "+3"))


def test_steps_that_go_round_are_found_unless_one_of_them_is_a_failure() -> None:
    assert explore(Walk(back=True), 100).broken == "it goes round for ever"
    assert explore(Walk(back=True, fails=True), 100) == (10, "", (), True)


def test_it_says_when_it_has_not_seen_everything() -> None:
    assert not explore(Walk(), 5).exhausted
