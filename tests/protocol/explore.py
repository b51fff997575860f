"""Explicit-state exploration: every interleaving, breadth first, so that the first broken promise has a shortest trace.

A model is an initial state, a function that gives a state's steps, and one that judges where no step but a failure is
left. Steps marked `fails` are failures: they may happen but need not. The others must lead to a good end by themselves,
so after an exhausted search no cycle of them may exist: on one, a message could go round for ever.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

State = TypeVar("State", bound=Hashable)


class Violation(Exception):
    """A promise is broken; raised by a step, or by the judge of a quiet state."""


class Step(NamedTuple):
    """`to` is the next state, or computes it and may raise Violation."""

    label: str
    to: Hashable | Callable[[], Hashable]
    fails: bool = False


class Model(Protocol[State]):
    """What is explored."""

    def initial(self) -> State: ...

    def steps(self, state: State, /) -> Iterable[Step]: ...

    def judge(self, state: State, /) -> None: ...


class Report(NamedTuple):
    """`broken` is empty if every promise held; then `exhausted` says whether all states were seen."""

    states: int
    broken: str
    trace: tuple[str, ...]
    exhausted: bool

    def __str__(self) -> str:
        head = self.broken or ("holds, exhausted" if self.exhausted else "holds so far")
        return "\n".join([f"{head} ({self.states} states)", *(f"{n:4} {step}" for n, step in enumerate(self.trace, 1))])


def explore(model: Model[Any], states_max: int) -> Report:
    """Visit states in order of distance until a promise breaks, all are seen, or there are `states_max`."""
    first = model.initial()
    order, index, came = [first], {first: 0}, [(-1, "")]
    goes_to: list[list[int]] = []

    def report(broken: str, at: int, *more: str, exhausted: bool = True) -> Report:
        trace = list(reversed(more))
        while at > 0:
            at, label = came[at][0], came[at][1]
            trace.append(label)
        return Report(len(order), broken, tuple(reversed(trace)), exhausted)

    for here, state in enumerate(order):  # grows while it is walked
        onward: list[int] = []
        for label, to, fails in model.steps(state):
            try:
                following = to() if callable(to) else to
            except Violation as broken:
                return report(str(broken), here, label)
            there = index.get(following)
            if there is None:
                there = index[following] = len(order)
                order.append(following)
                came.append((here, label))
            if not fails:
                onward.append(there)
        if not onward:
            try:
                model.judge(state)
            except Violation as broken:
                return report(str(broken), here)
        goes_to.append(onward)
        if len(order) > states_max:
            return report("", 0, exhausted=False)
    at = _on_cycle(goes_to)
    return report("it goes round for ever", at) if at is not None else report("", 0)


def _on_cycle(goes_to: Sequence[Sequence[int]]) -> int | None:
    """The state nearest to the start that is on a cycle, or between two; None if there is none."""
    behind = _peel(goes_to, range(len(goes_to)))
    comes_from: list[list[int]] = [[] for _ in goes_to] if behind else []
    for state in behind:
        for following in goes_to[state]:
            comes_from[following].append(state)
    return min(_peel(comes_from, behind), default=None)


def _peel(goes_to: Sequence[Sequence[int]], states: Iterable[int]) -> set[int]:
    """Take away, again and again, the states into which no edge leads; what stays is a cycle or behind one."""
    left = set(states)
    entries = [0] * len(goes_to)
    for state in left:
        for following in goes_to[state]:
            entries[following] += 1
    free = [state for state in left if not entries[state]]
    while free:
        state = free.pop()
        left.discard(state)
        for following in goes_to[state]:
            entries[following] -= 1
            if not entries[following] and following in left:
                free.append(following)
    return left
