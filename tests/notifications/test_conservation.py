"""Whatever happens in whatever order: each delivery ends once, places come back, nothing is left over."""

from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sagamore.actors.notifications.allowance import UserLimit, Waiting
from sagamore.actors.notifications.errors import CannotCancel
from sagamore.actors.notifications.messages import DeliveryEnded, EraseNotification
from sagamore.actors.notifications.notification import Notification, delivery_id, notification_of
from sagamore.engine.policy import DAY_MS, HOUR_MS
from tests.notifications.core import Alarm, Core, Ping

ADDRESSES = [("mail", "a@x"), ("mail", "b@x"), ("sms", "+1"), ("push", "t")]
USED = ("mail", "sms", "push", "wall")


class Shop(RuleBasedStateMachine):
    """Ann, her channels, a person at the dead letters, and time."""

    @initialize(
        sends_max=st.integers(0, 3), under_way=st.integers(1, 3), silence_ms=st.sampled_from((0, HOUR_MS)),
        fallbacks=st.dictionaries(st.sampled_from(USED), st.sampled_from((*USED, "gone"))),
    )  # fmt: skip
    def begin(self, sends_max: int, under_way: int, silence_ms: int, fallbacks: dict[str, str]) -> None:
        limit = UserLimit(sends_max=sends_max, window_ms=HOUR_MS, under_way_max=under_way)
        self.core = Core(limit, fallbacks=fallbacks, silence_ms=silence_ms)
        self.core.user(*ADDRESSES)
        self.published = 0
        self.calls: list[tuple[int, int]] = []
        """From the grant of the place to the news of the end."""

    @rule(
        channels=st.lists(st.sampled_from(USED), max_size=3), later_ms=st.sampled_from((0, 0, 0, HOUR_MS)),
        life_ms=st.sampled_from((0, 0, HOUR_MS // 2, 2 * HOUR_MS)), key=st.sampled_from(("", "", "k")),
        alarm=st.booleans(), broadcast=st.booleans(),
    )  # fmt: skip
    def publish(self, channels: list[str], later_ms: int, life_ms: int, key: str, alarm: bool, broadcast: bool) -> None:
        self.published += 1
        core, n = self.core, self.published
        core.publish(
            n, *channels, event=Alarm(n) if alarm else Ping(n), dedupe_key=key, dedupe_ms=HOUR_MS if key else 0,
            send_at_ms=core.now_ms + later_ms if later_ms else 0, expires_at_ms=core.now_ms + life_ms if life_ms else 0,
            broadcast="bc_1" if broadcast else "", sender="audiences/0" if broadcast else "",
        )  # fmt: skip

    @precondition(lambda self: self.core.sending)
    @rule(
        which=st.integers(0, 9), status=st.sampled_from(("SENT", "SENT", "DEAD", "DEAD", "EXPIRED")), dead=st.booleans()
    )
    def end(self, which: int, status: Any, dead: bool) -> None:
        delivery = [*self.core.sending][which % len(self.core.sending)]
        self._end(delivery, status, dead_address=dead and status == "DEAD")

    def _end(self, delivery: str, status: Any, **more: Any) -> None:
        core = self.core
        withdrawn = delivery in core.withdrawing and status == "EXPIRED"
        core.sending.pop(delivery)
        if not withdrawn:
            self.calls.append((core.given_ms[delivery], core.steady_ms))
        status = "CANCELLED" if withdrawn else status
        core.take(DeliveryEnded(delivery, "ann", status, attempts=int(not withdrawn), **more), sender="mail/0")

    @precondition(lambda self: self.published)
    @rule(which=st.integers(0, 99))
    def cancel(self, which: int) -> None:
        try:
            self.core.cancel(which % self.published + 1)
        except CannotCancel:
            assert self.core.get(which % self.published + 1).status == "DONE"

    @precondition(lambda self: self.published)
    @rule(which=st.integers(0, 99))
    def erase(self, which: int) -> None:
        n = which % self.published + 1
        self.core.take(EraseNotification(f"ntf_{n}", "ann"))
        assert not any(delivery.address for delivery in self.core.get(n).deliveries)

    @precondition(lambda self: self.published)
    @rule(which=st.integers(0, 99), kind=st.sampled_from(("delivered", "bounced", "complained")), at=st.integers(1, 4))
    def receipt(self, which: int, kind: str, at: int) -> None:
        n = which % self.published + 1
        if self.core.get(n).delivery(at) is not None:
            self.core.receipt(n, kind, at, self.core.now_ms)

    @precondition(lambda self: self.core.letters)
    @rule(replay=st.booleans())
    def letter(self, replay: bool) -> None:
        (self.core.replay if replay else self.core.discard)()

    @rule(wishes=st.booleans(), quiet=st.booleans(), some=st.integers(0, 4))
    def wish(self, wishes: bool, quiet: bool, some: int) -> None:
        self.core.user(
            *ADDRESSES[:some],
            wishes={("*", "sms"): False} if wishes else {},
            quiet=(20 * 60, 7 * 60) if quiet else None,
        )

    @rule(ms=st.sampled_from((1, HOUR_MS // 2, HOUR_MS, 10 * HOUR_MS)), step=st.sampled_from((0, 0, HOUR_MS)))
    def wait(self, ms: int, step: int) -> None:
        self.core.advance(ms, wall_step_ms=step)

    @rule()
    def reboot(self) -> None:
        self.core.boot += "'"

    @invariant()
    def places_are_held_by_what_is_being_sent_and_nothing_else(self) -> None:
        core = self.core
        allowance = core.allowance()
        held, line = (allowance.held, allowance.line) if allowance else (0, 0)
        assert held == len(core.sending)
        assert all(places.held <= core.limit.under_way_max for places in (allowance.places if allowance else ()))
        assert line == sum(isinstance(state, Waiting) for state in core.entities.values())
        for key, state in core.entities.items():
            if isinstance(state, Notification):
                assert key == state.id
                being = {delivery_id(state.id, d.n) for d in state.deliveries if d.status == "SENDING"}
                assert being == {each for each in core.sending if notification_of(each)[0] == state.id}
                ended = all(delivery.ended for delivery in state.deliveries)
                assert (state.status == "DONE") == (ended and state.status != "SCHEDULED")
                if state.status == "DONE" and state.data:
                    assert any(delivery.may_go_on for delivery in state.deliveries)

    @invariant()
    def no_window_has_more_calls_than_allowed_wherever_they_arrived(self) -> None:
        """All calls that may have arrived in the window that begins when one ended: that one is among them."""
        core = self.core
        calls = [*self.calls, *((core.given_ms[delivery], core.steady_ms) for delivery in core.sending)]
        for _, begin_ms in calls:
            within = [call for call in calls if call[0] < begin_ms + HOUR_MS and call[1] >= begin_ms]
            assert len(within) <= (core.limit.sends_max or len(within))

    def teardown(self) -> None:
        if not hasattr(self, "core"):
            return
        core = self.core
        core.user(*ADDRESSES)
        for _ in range(2_000):
            while core.letters:
                core.discard()
            if core.sending:
                self._end(next(iter(core.sending)), "SENT")
            elif any(name in ("due", "places") or name.startswith("silence") for _, name in core.timers):
                self.wait(HOUR_MS, 0)
            else:
                break
            self.places_are_held_by_what_is_being_sent_and_nothing_else()
        statuses = [core.get(n).status for n in range(1, self.published + 1)]
        assert statuses == ["DONE"] * self.published
        assert core.allowance() is None
        assert not any(core.get(n).data for n in range(1, self.published + 1))
        core.advance(200 * DAY_MS)
        assert set(core.entities) == {"user:ann"}


Shop.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None, phases=[Phase.generate])
TestConservation = Shop.TestCase
