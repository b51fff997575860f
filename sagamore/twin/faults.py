"""Faults on request: what goes wrong, how often, and how each request's share of it is drawn. HELP says what each is.

A request that executes draws once from each group, from one random number each; a replayed answer, and a request
refused at the door, draws nothing but `throttle`. Setting the faults starts the seed again.
"""

from collections import Counter
from random import Random
from textwrap import fill
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

Share = Annotated[float, Meta(ge=0, le=1)]
Milliseconds = Annotated[int, Meta(ge=0, le=30 * 86_400_000)]  # a bank refund may fail weeks later
Operation = Literal["payment", "capture", "void", "refund"]
Disruption = Literal["lost_answer", "error_before", "error_after"]
Verdict = Literal["refuse", "action", "pending", "refund_fails_later"]


class FaultSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Shares of one group add up to at most 1. settles_after_ms: pending payments and payments that ask for action
    are completed by themselves after this time; None: only by POST …/complete."""

    seed: int = 0
    lost_answer: Share = 0.0
    error_before: Share = 0.0
    error_before_stored: bool = True
    error_after: Share = 0.0
    error_read: Share = 0.0
    refuse: Share = 0.0
    action: Share = 0.0
    pending: Share = 0.0
    settles_after_ms: Milliseconds | None = None
    refuse_capture: Share = 0.0
    refuse_refund: Share = 0.0
    refund_fails_later: Share = 0.0
    refund_fails_after_ms: Milliseconds = 1_000
    slow: Share = 0.0
    slow_ms: Milliseconds = 1_000
    latency_ms: Milliseconds = 0
    throttle: Share = 0.0
    retry_after_ms: Milliseconds = 1_000

    def __post_init__(self) -> None:
        for group in _GROUPS:
            total = sum(getattr(self, name) for name in group)
            if total > 1 + 1e-9:  # thirds and tenths do not add up exactly
                raise ValueError(f"{' + '.join(group)} is {total:g}; at most 1 would be right")


_DISRUPTIONS: tuple[Disruption, ...] = ("lost_answer", "error_before", "error_after")
_GROUPS: tuple[tuple[str, ...], ...] = (
    _DISRUPTIONS,
    ("refuse", "action", "pending"),
    ("refuse_refund", "refund_fails_later"),
)
_VERDICTS: dict[Operation, dict[str, Verdict]] = {
    "payment": {"refuse": "refuse", "action": "action", "pending": "pending"},
    "capture": {"refuse_capture": "refuse"},
    "void": {},
    "refund": {"refuse_refund": "refuse", "refund_fails_later": "refund_fails_later"},
}


class Draw(Struct, frozen=True):
    """What befalls one request."""

    disruption: Disruption | None = None
    verdict: Verdict | None = None
    slow: bool = False


FORCED = {
    "pm_ok": Draw(),
    "pm_refused": Draw(verdict="refuse"),
    "pm_action": Draw(verdict="action"),
    "pm_pending": Draw(verdict="pending"),
    "pm_lost": Draw(disruption="lost_answer"),
    "pm_slow": Draw(slow=True),
    "pm_500_before": Draw(disruption="error_before"),
    "pm_500_after": Draw(disruption="error_after"),
}


HELP = f"""
--faults takes an object, as PUT /v1/faults does:

    {{"seed": 7, "lost_answer": 0.04, "refuse": 0.03, "slow": 0.1, "slow_ms": 2000}}

A share is 0 to 1, of the requests it is about; *_ms are whole milliseconds;
what is not named is 0, or the value in brackets.

what becomes of the answer; these shares add up to at most 1
  lost_answer            the money moves, and the connection ends without one
  error_before           500, before anything moves; the same key gets it
                         again, unless error_before_stored [true] is false
  error_after            500, after the money has moved
what the issuer says to a payment; these shares add up to at most 1
  refuse                 no
  action                 the customer must do something first
  pending                it is not decided yet
  settles_after_ms       both come to their end by themselves after it [never]
to a capture and to a refund; those of a refund add up to at most 1
  refuse_capture         no
  refuse_refund          no
  refund_fails_later     yes, and refund_fails_after_ms [1000] later it failed
how long it takes
  slow                   slow_ms [1000], half before and half after money moves
  latency_ms             any request takes so long in any case
at the door
  throttle               429, come back in retry_after_ms [1000]
  error_read             500 to a read of payments or refunds
seed                     of the random numbers that requests draw

A payment's method forces its fault, whatever the shares are:
{fill(", ".join(FORCED))}
"""


class Faults:
    """The settings in force and the random numbers they are drawn with."""

    def __init__(self, settings: FaultSettings) -> None:
        self.injected: Counter[str] = Counter()
        self.set(settings)

    def set(self, settings: FaultSettings) -> None:
        """Replace the settings and start the seed again."""
        self.settings = settings
        self._random = Random(settings.seed)
        self._forced_once: set[str] = set()

    def hits(self, name: Literal["throttle", "error_read"]) -> bool:
        """Whether a request meets this fault at the door."""
        share: float = getattr(self.settings, name)
        hit = share > 0 and self._random.random() < share
        if hit:
            self.injected[name] += 1
        return hit

    def draw(self, operation: Operation, key: str, method: str = "") -> Draw:
        """What befalls this request; it is counted as injected."""
        draw = FORCED.get(method)
        if draw is None:
            verdict = self._pick(tuple(_VERDICTS[operation]))
            draw = Draw(
                disruption=self._pick(_DISRUPTIONS),  # type: ignore[arg-type]
                verdict=_VERDICTS[operation][verdict] if verdict else None,
                slow=self._pick(("slow",)) is not None,
            )
        elif draw.disruption == "error_before" and not self.settings.error_before_stored:
            # Nothing is stored, so the same request comes here again: the second time it goes through.
            if key in self._forced_once:
                self._forced_once.remove(key)
                draw = replace(draw, disruption=None)
            else:
                self._forced_once.add(key)
        self.injected.update(name for name in (draw.disruption, draw.verdict, draw.slow and "slow") if name)
        return draw

    def _pick(self, names: tuple[str, ...]) -> str | None:
        """One of the names by their shares, or none of them."""
        point = self._random.random()
        for name in names:
            point -= getattr(self.settings, name)
            if point < 0:
                return name
        return None
