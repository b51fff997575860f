"""Channels inside the process whose receivers outlive every death of the shop, by a manual clock.

What comes of the calls for a delivery is in its address, word by word, the last one for all that follow:

    ok          taken
    lost        taken, and the answer is lost
    error       not taken, and nobody can know
    refused     never to be taken
    unreached   not one byte came through
    throttled   come back in a second
"""

import asyncio
from collections import Counter

from sagamore.actors.notifications.channel import Channel, Outgoing, permanent, sent
from sagamore.engine.effect import Call, Capabilities, Declined, NotReached, Outcome, Rate, Throttled, Unknown
from sagamore.engine.testing import ManualClock
from tests.torture.notifications.arrivals import Arrival

RETRY_AFTER_MS = 1_000
OUTCOMES: dict[str, Outcome] = {
    "ok": sent("theirs"), "lost": Unknown("the answer is lost"), "error": Unknown("500"),
    "refused": permanent("refused", "no"), "unreached": NotReached("no route"), "throttled": Throttled(RETRY_AFTER_MS),
}  # fmt: skip


class Post(Channel):
    """The channel and its receiver in one."""

    keyed = False

    def __init__(self, clock: ManualClock, rates: tuple[Rate, ...] = ()) -> None:
        self.capabilities = Capabilities(takes_key=self.keyed, rates=rates)
        self.copies: Counter[str] = Counter()
        self.arrivals: list[Arrival] = []
        self.down = False
        """Every call is an error."""
        self.takes_ms = 0
        """How long a call is on its way, at most, and its answer."""
        self._clock = clock
        self._calls: Counter[str] = Counter()
        self._answers: dict[str, Outcome] = {}

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        """Take it, or not, as its address says."""
        await self._pass()
        self.arrivals.append(Arrival(self._clock.elapsed_ms(), outgoing.user_id, outgoing.delivery))
        outcome = OUTCOMES["error"] if self.down else self._answers.get(call.key) or self._do(outgoing, call)
        await self._pass()
        return outcome

    def _do(self, outgoing: Outgoing, call: Call) -> Outcome:
        words = outgoing.address.split()
        word = words[min(self._calls[outgoing.delivery], len(words) - 1)]
        self._calls[outgoing.delivery] += 1
        if word in ("ok", "lost"):
            self.copies[outgoing.delivery] += 1
        done = OUTCOMES["ok"] if word == "lost" else OUTCOMES[word]
        if self.keyed and (word in ("ok", "lost") or isinstance(done, Declined)):
            self._answers[call.key] = done
        return OUTCOMES[word]

    async def _pass(self) -> None:
        """Some of the time that it takes."""
        if self.takes_ms:
            waits: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            ms = round(self._clock.random_fraction() * self.takes_ms)
            scheduled = self._clock.call_at(self._clock.now_ms() + ms, lambda: waits.set_result(None))
            try:
                await waits
            finally:
                scheduled.cancel()


class PostChat(Post, name="chat"):
    """Knows no keys."""


class PostText(Post, name="text"):
    """Knows no keys."""


class PostMail(Post, name="mail", receipts=True):
    """Knows keys, and reports receipts."""

    keyed = True
