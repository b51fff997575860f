"""The twin without its wire: books, keys, faults and journal, and the one way that a request with a key takes.

    begin the key -> draw its faults -> wait -> decide, count, write to the journal -> wait -> end the key

Deciding, counting and writing happen without an await: no other request sees half of it. There is no timer: what
falls due (a lapse, a failed refund) is counted when the next request of any kind comes, before it is served.
"""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from sagamore.twin.faults import Draw, Faults, FaultSettings, Operation
from sagamore.twin.idempotency import Answer, Keys, Stored
from sagamore.twin.journal import Journal, Line
from sagamore.twin.ledger import Ledger
from sagamore.twin.payment import Payment
from sagamore.twin.provider import Complete, Done, Pay, Provider

KEY_TTL_S = 86_400.0  # card providers keep keys for at least a day
AUTHORISATION_TTL_S = 7 * 86_400.0  # as card schemes do

_ENCODER = msgspec.json.Encoder(order="deterministic")
_SERVER_ERROR = Answer(500, msgspec.Raw(b'{"code":"server_error","message":"the provider failed"}'))

Act = Callable[[Draw, FaultSettings, int], Done]


class Reply(msgspec.Struct, frozen=True):
    """What to send; lost: drop the connection instead."""

    answer: Answer
    replayed: bool = False
    lost: bool = False


def system_ms() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


class Twin:
    """A provider in one directory, as it was left there."""

    def __init__(
        self,
        directory: Path,
        settings: FaultSettings,
        *,
        key_ttl_s: float = KEY_TTL_S,
        authorisation_ttl_s: float = AUTHORISATION_TTL_S,
        fsync: bool = False,
        now_ms: Callable[[], int] = system_ms,
    ) -> None:
        """Raises: JournalLocked, JournalDamaged."""
        self.ledger = Ledger()
        self.faults = Faults(settings)
        self.requests = 0
        self.rejected: Counter[str] = Counter()
        self._keys = Keys(round(key_ttl_s * 1000))
        self._now_ms = now_ms
        self._replays = 0
        self._outcomes: Counter[str] = Counter()
        self._journal = Journal(directory, fsync)
        try:
            for line in self._journal.read():
                if line.movement is not None:
                    self.ledger.apply(line.movement, line.at_ms)
                if line.stored is not None:
                    self._keys.store(line.stored)
        except BaseException:
            self._journal.close()
            raise
        self.provider = Provider(self.ledger, round(authorisation_ttl_s * 1000))

    def close(self) -> None:
        """Let go of the directory."""
        self._journal.close()

    def tick(self) -> int:
        """Count what has fallen due, forget old keys; returns the time in ms. Raises: JournalBroken."""
        self._journal.check()
        now_ms = self._now_ms()
        for movement in self.provider.take_due(now_ms):
            self._journal.append(Line(now_ms, movement))
        self._keys.prune(now_ms)
        return now_ms

    async def execute(self, operation: Operation, path: str, key: str, request: msgspec.Struct, act: Act) -> Reply:
        """Answer a request: for the first time, or as the first time.

        Raises:
            Rejected: by the key; nothing was done or stored.
        """
        fingerprint = hashlib.blake2b(path.encode() + b"\n" + _ENCODER.encode(request), digest_size=16).hexdigest()
        settings = self.faults.settings
        stored = self._keys.begin(key, fingerprint)
        if stored is not None:
            self._replays += 1
            await self.wait(settings.latency_ms)
            return Reply(stored, replayed=True)
        try:
            draw = self.faults.draw(operation, key, request.method if isinstance(request, Pay) else "")
            half_ms = (settings.latency_ms + draw.slow * settings.slow_ms) / 2
            await self.wait(half_ms)
            now_ms = self.tick()
            if draw.disruption == "error_before":
                done = Done(None, _SERVER_ERROR)
            else:
                done = act(draw, settings, now_ms)
                self._outcomes[f"{operation}.{done.outcome}"] += 1
                if draw.disruption == "error_after":
                    done = Done(done.movement, _SERVER_ERROR)
            if draw.disruption != "error_before" or settings.error_before_stored:
                answer = Stored(key, fingerprint, now_ms, done.answer)
                self._journal.append(Line(now_ms, done.movement, answer))
                self._keys.store(answer)
            await self.wait(half_ms)
        finally:
            self._keys.end(key)
        return Reply(done.answer, lost=draw.disruption == "lost_answer")

    def complete(self, payment: Payment, request: Complete) -> Done:
        """The customer's part, or late money. Raises: Rejected."""
        now_ms = self.tick()
        done = self.provider.complete(payment, request, now_ms)
        self._journal.append(Line(now_ms, done.movement))
        return done

    async def wait(self, wait_ms: float) -> None:
        """As latency does."""
        if wait_ms:
            await asyncio.sleep(wait_ms / 1000)

    def statistics(self) -> dict[str, object]:
        """Counts since the start; `keys` are those that live, `under_way` those being executed now."""
        return {
            "requests": self.requests,
            "under_way": self._keys.under_way,
            "keys": len(self._keys),
            "outcomes": self._outcomes,
            "faults": self.faults.injected,
            "replays": self._replays,
            "conflicts": self.rejected["key_in_use"],
            "rejected": self.rejected,
        }
