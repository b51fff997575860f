"""Backoff: doubled each time, bounded, and spread over the upper half of each step."""

from hypothesis import given
from hypothesis import strategies as st

from sagamore.engine.policy import Backoff

backoffs = st.builds(
    lambda first_ms, more_ms: Backoff(first_ms, first_ms + more_ms), st.integers(1, 10**6), st.integers(0, 10**9)
)
fractions = st.floats(0, 1, exclude_max=True)


@given(backoffs, st.integers(1, 10**6), fractions)
def test_a_delay_is_in_the_upper_half_of_its_step(backoff: Backoff, attempts: int, fraction: float) -> None:
    step_ms = min(backoff.first_ms * 2 ** min(attempts - 1, 64), backoff.most_ms)
    assert step_ms // 2 <= backoff.delay_ms(attempts, fraction) <= step_ms


@given(backoffs, st.integers(1, 100), fractions)
def test_a_later_attempt_never_waits_less(backoff: Backoff, attempts: int, fraction: float) -> None:
    assert backoff.delay_ms(attempts, fraction) <= backoff.delay_ms(attempts + 1, fraction)


@given(backoffs, st.integers(1, 100), fractions, fractions)
def test_what_failed_together_is_spread_by_the_fraction(backoff: Backoff, attempts: int, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert backoff.delay_ms(attempts, low) <= backoff.delay_ms(attempts, high)


def test_the_steps() -> None:
    assert [Backoff(100, 1_000).delay_ms(n, 0.0) for n in range(1, 7)] == [50, 100, 200, 400, 500, 500]
