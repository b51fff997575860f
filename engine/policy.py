"""When to try again: pure arithmetic over attempts, with jitter from a number that the Clock drew."""

import msgspec

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class Backoff(msgspec.Struct, frozen=True):
    """Exponential: `first_ms`, doubled each time, never above `most_ms`; spread over the upper half of each step
    ("equal jitter"), so that what failed together does not come back together."""

    first_ms: int = 100
    most_ms: int = MINUTE_MS

    def delay_ms(self, attempts_made: int, random_fraction: float) -> int:
        """The wait after `attempts_made` (at least 1) attempts; `random_fraction` is in [0, 1)."""
        step = min(self.first_ms << min(attempts_made - 1, 40), self.most_ms)
        return step // 2 + int(random_fraction * (step - step // 2))


class TurnPolicy(msgspec.Struct, frozen=True):
    """What becomes of a message whose turn raises: retried, then a dead letter."""

    attempts_max: int = 5
    backoff: Backoff = Backoff()


class EffectPolicy(msgspec.Struct, frozen=True):
    """How one effect is called."""

    timeout_ms: int = 30 * SECOND_MS
    attempts_max: int = 12
    """Bounds calls. Used up without a verdict, the effect is looked up, then parked."""
    backoff: Backoff = Backoff(first_ms=200, most_ms=5 * MINUTE_MS)
    deadline_ms: int = 3 * DAY_MS
    """From the row's creation; what is not settled by then is looked up, then parked."""
    ends: bool = False
    """Used up without a verdict it ends as `exhausted`, in place of waiting for a person: its actor has a dead letter
    of its own for that."""
    resend_uncertain: bool = False
    """Whether an attempt of unknown outcome is made again at a provider that takes no key and cannot be read:
    duplicates, counted. Never for money."""
