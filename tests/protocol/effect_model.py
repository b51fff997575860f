"""One effect, a charge, between its row, the pool and the provider: never charged twice, never called undone while it
is charged (PROTOCOL 3). What to do next is decided by the engine's own `resolution`; the model is the world around it.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from sagamore.engine.effect import Capabilities, EffectRow
from sagamore.engine.policy import EffectPolicy
from sagamore.engine.resolution import Step as Next
from sagamore.engine.resolution import after_nothing_found, next_step
from tests.protocol.effect_promises import judge
from tests.protocol.effect_state import (
    END_MS,
    KEY_TTL_MS,
    SETTLE_MS,
    TIMEOUT_MS,
    VERDICTS,
    Attempt,
    Failures,
    Reading,
    Request,
    Row,
    World,
    spend,
    without,
)
from tests.protocol.explore import Step, Violation


class Charge:
    """A provider, a policy, and one reading of the rules."""

    def __init__(
        self, failures: Failures, reading: Reading | None = None, *, keyed: bool = True, look_up: bool = False,
        attempts_max: int = 3,
    ) -> None:  # fmt: skip
        self.reading, self.failures = reading or Reading(), failures
        self.keyed, self.look_up = keyed, look_up
        full = self.reading.last_resend == "full"
        settle_ms = SETTLE_MS if self.reading.settles else 0
        self.capabilities = Capabilities(keyed, KEY_TTL_MS * 2 if full else KEY_TTL_MS, look_up, settle_ms)
        self.policy = EffectPolicy(TIMEOUT_MS, attempts_max, deadline_ms=END_MS)

    def initial(self) -> World:
        """Its row has just been committed."""
        return World(self.failures)

    def judge(self, world: World) -> None:
        """It ended, or time did."""
        if world.row.state not in VERDICTS and world.now_ms < END_MS:
            raise Violation(f"nothing goes on, and it is {world.row.state}")

    def steps(self, world: World) -> Iterator[Step]:
        """Every promise is looked at after every step."""
        for label, after in self._all(world):
            failed = sum(after.left) < sum(world.left) or after.body > world.body

            def look(after: World = after) -> World:
                judge(self.policy, after)
                return after

            yield Step(label, look, fails=failed)

    def _all(self, world: World) -> Iterator[tuple[str, World]]:
        if world.up and world.row.state not in VERDICTS:
            if world.held is None:
                yield from self._take(world)
            elif world.held.outcome:
                yield f"the end of the attempt is committed: {world.held.outcome}", self._commit(world, world.held)
            elif world.held.since_ms >= 0:
                if world.now_ms >= world.held.since_ms + TIMEOUT_MS:
                    yield "our timeout", self._ended(world, "unknown")
            else:
                yield from self._start(world, world.held)
        for request in world.requests:
            yield from self._arrive(world._replace(requests=without(world.requests, request)), request)
        yield from self._fail(world)
        if self._may_tick(world):
            yield "a millisecond passes", world._replace(now_ms=world.now_ms + 1)

    def _may_tick(self, world: World) -> bool:
        calling = world.held is not None and world.held.since_ms >= 0
        late = calling and world.held is not None and world.now_ms >= world.held.since_ms + TIMEOUT_MS
        arriving = all(request.until_ms > world.now_ms + 1 for request in world.requests)
        return world.now_ms < END_MS and not late and arriving and (not world.up or world.row.state not in VERDICTS)

    # --- our side ---

    def _seen(self, world: World) -> Row:
        """The row as this incarnation must read it."""
        row = world.row
        if row.state == "marked" or (row.state == "pending" and world.taken):
            known_ms = world.opened_ms if self.reading.settles_after_start else 0
            return row._replace(state="uncertain", last_end_ms=max(row.last_end_ms, known_ms))
        return row

    def _next(self, world: World, row: Row) -> Next:
        return next_step(self._stored(world, row), self.capabilities, self.policy, world.now_ms)

    def _stored(self, world: World, row: Row) -> EffectRow:
        created_ms = world.opened_ms if self.reading.lifetime_from == "start" else 0
        effect = EffectRow("eff", "pay", "ord", "bank", "charge", "key", "", "{}", created_ms, 1, row.due_ms)
        return replace(effect, attempts=row.attempts, state=row.state, last_end_ms=row.last_end_ms)

    def _take(self, world: World) -> Iterator[tuple[str, World]]:
        if world.row.due_ms > world.now_ms:
            return
        row, number = self._seen(world), world.number + 1
        step = self._next(world, row) if self.reading.decided == "at hand-over" else None
        held = Attempt(row, row, number, step)
        world = world._replace(number=number)
        if self.keyed or self.reading.marked != "at hand-over":
            yield "the pool takes it", world._replace(held=held)
        else:
            yield "it is marked, and the pool takes it", self._mark(world, held)

    def _mark(self, world: World, held: Attempt) -> World:
        marked = held.row._replace(state="marked", last_end_ms=world.now_ms)
        none = held.row if self.reading.mark_undone else marked._replace(state="uncertain")
        return world._replace(row=marked, held=held._replace(none=none))

    def _park(self, world: World, row: Row) -> World:
        return world._replace(row=row._replace(state=self.reading.exhausted), held=None)

    def _start(self, world: World, held: Attempt) -> Iterator[tuple[str, World]]:
        undecided = held.looked and self.reading.decided == "before the look-up"
        step = held.step or (Next.CALL if undecided else self._next(world, held.row))
        if held.looked and step is Next.LOOK_UP_THEN_CALL:
            step = Next.CALL
        if step is Next.PARK:
            yield f"it is {self.reading.exhausted}", self._park(world, held.row)
            return
        if step is Next.CALL and not self.keyed and self.reading.marked == "at the call" and not held.marked:
            yield "it is marked; the call comes next", self._mark(world, held._replace(marked=True))
            return
        if world.left.unreached and step is Next.CALL:
            yield "the provider is not reached", self._ended(spend(world, "unreached"), "not reached")
        if step is not Next.CALL:
            if world.left.lost:
                yield "the answer of the look-up is lost", self._ended(spend(world, "lost"), "look-up lost")
            if world.charges or world.refusals:
                found = "succeeded" if world.charges else "refused"
                yield f"looked up: {found}", self._ended(world, found)
                return
            if step is Next.LOOK_UP:
                looked = world._replace(held=held._replace(since_ms=world.now_ms))
                yield "looked up: nothing", self._ended(looked, "nothing")
            else:
                yield "looked up: nothing; the call waits", world._replace(held=held._replace(looked=True))
            return
        key = 0 if self.reading.key_kept else held.number
        request = Request(held.number, key, 0 if self.reading.body_frozen else world.body)
        calling = held._replace(since_ms=world.now_ms)
        requests = tuple(sorted((*world.requests, request)))
        yield "the request is sent", world._replace(held=calling, requests=requests)

    def _ended(self, world: World, outcome: str) -> World:
        held = world.held
        assert held is not None
        until_ms = world.now_ms + SETTLE_MS
        requests = tuple(
            request._replace(until_ms=until_ms) if request.attempt == held.number else request
            for request in world.requests
        )
        doubt = world.doubt or outcome == "unknown"
        return world._replace(held=held._replace(outcome=outcome), requests=requests, doubt=doubt)

    def _commit(self, world: World, held: Attempt) -> World:
        """What an end changes; see engine/runtime/effects.py."""
        row, now_ms = held.row, world.now_ms
        if held.outcome in ("succeeded", "refused"):
            row = row._replace(state=held.outcome)
        elif held.outcome == "throttled":
            row = held.none
        elif held.outcome == "not reached":
            row = held.none._replace(attempts=row.attempts + 1)
        elif held.outcome == "unknown":
            row = row._replace(state="uncertain", attempts=row.attempts + 1, last_end_ms=now_ms)
        elif held.outcome == "look-up lost":
            row = row._replace(state="uncertain", last_end_ms=now_ms)
        elif held.outcome == "nothing":
            at_ms = held.since_ms if self.reading.settled_when == "looked up" else now_ms
            step = after_nothing_found(self._stored(world, row), self.capabilities, self.policy, at_ms)
            if step is Next.PARK:
                return self._park(world, row)
            row = row._replace(due_ms=step) if isinstance(step, int) else row._replace(state="pending")
        return world._replace(row=row, held=None)

    # --- the provider ---

    def _arrive(self, world: World, request: Request) -> Iterator[tuple[str, World]]:
        if world.left.lost:
            yield "a request is lost", spend(world, "lost")
        known = next((s for s in world.stored if s[0] == request.key and world.now_ms < s[3] + KEY_TTL_MS), None)
        if self.keyed and any(other.key == request.key for other in world.requests):
            yield from self._answer(world, request, "409", self.reading.conflict_409)
        if self.keyed and known is not None:
            if known[1] != request.body:
                yield from self._answer(world, request, "400, another body", self.reading.other_body_400)
            else:
                yield from self._answer(world, request, f"again {known[2]}", self._called(known[2]))
            return
        charged = world._replace(charges=world.charges + 1)
        yield from self._answer(self._remember(charged, request, "charged"), request, "charged", "succeeded")
        if world.left.errors:
            failed = self._remember(spend(charged, "errors"), request, "500")
            yield from self._answer(failed, request, "charged, and 500", self._called("500"))
        if world.left.refusals:
            refused = spend(world, "refusals")._replace(refusals=world.refusals + 1)
            yield from self._answer(self._remember(refused, request, "refused"), request, "refused", "refused")
        if world.left.throttles:
            yield from self._answer(spend(world, "throttles"), request, "429", "throttled")

    def _called(self, answer: str) -> str:
        return {"charged": "succeeded", "refused": "refused", "500": self.reading.charged_500}[answer]

    def _remember(self, world: World, request: Request, answer: str) -> World:
        if not self.keyed:
            return world
        living = tuple(entry for entry in world.stored if entry[0] != request.key)
        return world._replace(stored=(*living, (request.key, request.body, answer, world.now_ms)))

    def _answer(self, world: World, request: Request, said: str, outcome: str) -> Iterator[tuple[str, World]]:
        held = world.held
        if held is None or held.number != request.attempt or held.since_ms < 0 or held.outcome or not world.up:
            yield f"the provider, unheard: {said}", world
            return
        yield f"the provider: {said}", self._ended(world, outcome)
        if world.left.lost:
            yield f"the provider: {said}; the answer is lost", self._ended(spend(world, "lost"), "unknown")

    # --- what may happen at any time ---

    def _fail(self, world: World) -> Iterator[tuple[str, World]]:
        if not world.up:
            started = self._opens(world._replace(up=True))
            yield "the process starts", started
            if not self.reading.body_frozen and not world.body:
                yield "the process starts with new code: the request reads differently", started._replace(body=1)
            return
        held = world.held
        in_doubt = world.doubt or (held is not None and (held.marked or held.since_ms >= 0 or bool(held.outcome)))
        until_ms = world.now_ms + SETTLE_MS
        requests = tuple(sorted(r._replace(until_ms=min(r.until_ms, until_ms)) for r in world.requests))
        down = world._replace(held=None, up=False, requests=requests, doubt=in_doubt)
        if world.left.process:
            yield "the process dies", spend(down, "process")._replace(clean=False)
        if world.left.partition:
            alone = spend(world, "partition")
            if self.reading.adopted or held is None:
                yield "the partition dies; its call goes on", self._opens(alone._replace(clean=False))
            else:
                lives = tuple(sorted(r._replace(until_ms=until_ms + TIMEOUT_MS) for r in world.requests))
                yield (
                    "the partition dies; its call is forgotten",
                    self._opens(alone._replace(held=None, requests=lives, doubt=in_doubt, clean=False)),
                )
        quiet = held is None or (held.since_ms < 0 and not held.outcome)
        if world.left.stops and (quiet or not self.reading.stop_waits):
            row = held.none if held is not None and quiet else world.row
            yield (
                "a clean stop",
                spend(down, "stops")._replace(
                    row=row, doubt=world.doubt, clean=True, taken=world.taken and self.reading.taken_lasts
                ),
            )
        if world.left.withdrawals and self._may_withdraw(world):
            yield (
                "it is withdrawn",
                spend(world, "withdrawals")._replace(row=world.row._replace(state="withdrawn"), held=None),
            )

    def _opens(self, world: World) -> World:
        """After an unclean end what is pending counts as taken, where there is no mark to tell."""
        counts = self.reading.taken == "all" or (self.reading.taken == "keyed" and self.keyed)
        taken = world.taken or (counts and not world.clean)
        doubt = world.doubt or (self.keyed and not world.clean)
        looked_at = not self.keyed or self.reading.lifetime_from == "start"  # else it would only make more states
        opened_ms = world.now_ms if looked_at else 0
        return world._replace(opened_ms=opened_ms, clean=True, taken=taken, doubt=doubt)

    def _may_withdraw(self, world: World) -> bool:
        if world.row.attempts or self._seen(world).state != "pending":
            return False
        held = world.held
        waits = held is None or (held.since_ms < 0 and not (held.outcome or held.marked or held.looked))
        return waits or not self.reading.withdrawal_asks_pool
