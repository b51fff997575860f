"""What to do next with an effect that has no verdict: a pure decision over its row (PROTOCOL 3, SAGAS 1.4).

In this order: (a, b) the same call with the same key, while the key surely lives; (c) a look-up by our reference, where
the provider has one: what it finds is a verdict at once, that it finds nothing only after the settling time; (d) park.

    never sent                  call
    sent, key lives             call again with the same key; from the third attempt on look before each call
    sent, no key                look up; nothing found and settled: call again; no look-up: resend if the policy allows
    attempts or time used up    look up; else park; as many look-ups without an answer as attempts: park
"""

from enum import Enum, auto

from sagamore.engine.effect import Capabilities, EffectRow
from sagamore.engine.policy import EffectPolicy

BLIND_ATTEMPTS_MAX = 2  # a replayed 5xx is no outcome; after two of them reading is better than repeating


class Step(Enum):
    """What the pool does with a row it has taken."""

    CALL = auto()
    LOOK_UP = auto()
    """What is found is the verdict; nothing found changes nothing yet."""
    LOOK_UP_THEN_CALL = auto()
    PARK = auto()


def deadline_of(row: EffectRow, policy: EffectPolicy) -> int:
    """When an effect is used up, in Unix ms: its policy's deadline, or its own before that."""
    by_policy_ms = row.created_ms + policy.deadline_ms
    return min(row.deadline_ms, by_policy_ms) if row.deadline_ms else by_policy_ms


def next_step(row: EffectRow, capabilities: Capabilities, policy: EffectPolicy, now_ms: int) -> Step:
    """The next step for a pending or uncertain effect."""
    exhausted = row.attempts >= policy.attempts_max or now_ms >= deadline_of(row, policy)
    uncertain = row.state in ("uncertain", "marked")
    if not uncertain:
        return Step.PARK if exhausted else Step.CALL
    if capabilities.takes_key:
        resendable = now_ms < row.created_ms + capabilities.key_ttl_ms // 2
    else:
        resendable = policy.resend_uncertain and not capabilities.look_up
    if resendable and not exhausted:
        looks = capabilities.look_up and row.attempts >= BLIND_ATTEMPTS_MAX
        return Step.LOOK_UP_THEN_CALL if looks else Step.CALL
    return Step.LOOK_UP if capabilities.look_up and row.attempts < 2 * policy.attempts_max else Step.PARK


def after_nothing_found(row: EffectRow, capabilities: Capabilities, policy: EffectPolicy, now_ms: int) -> Step | int:
    """A look-up found nothing: what now, or until when to wait before it may be believed (Unix ms)."""
    settled_ms = row.last_end_ms + capabilities.settle_ms
    if now_ms < settled_ms:
        return settled_ms
    exhausted = row.attempts >= policy.attempts_max or now_ms >= deadline_of(row, policy)
    return Step.PARK if capabilities.takes_key or exhausted else Step.CALL
