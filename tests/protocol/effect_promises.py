"""What must be true of an effect at any time."""

from sagamore.engine.policy import EffectPolicy
from tests.protocol.effect_state import World
from tests.protocol.explore import Violation


def judge(policy: EffectPolicy, world: World) -> None:
    """Raises Violation."""
    state = world.row.state
    if world.charges > 1:
        raise Violation(f"charged {world.charges} times")
    if world.charges and state in ("refused", "withdrawn"):
        raise Violation(f"called {state}, and charged")
    if state == "succeeded" and not world.charges:
        raise Violation("called succeeded, and not charged")
    exhausted = world.row.attempts >= policy.attempts_max or world.now_ms >= policy.deadline_ms
    if state == "parked" and not (world.doubt or exhausted):
        raise Violation("parked, though nothing is uncertain")
