"""The operator of the torture: works through the dead letters as a person would, with the provider's own records.

A parked payment is resolved as these records say, once nothing can be under way any more; a STUCK one is replayed;
letters of cases that are solved are discarded.
"""

import asyncio
import time
from typing import Any, Literal

import aiohttp

from sagamore import Payment, Refused, Sagamore, UnknownOrder
from sagamore.engine.dead_letters import DeadLetter

LOOK_EVERY_S = 0.3
SETTLED_AFTER_S = 2.5  # longer than any call that the provider takes its time with
Outcome = Literal["captured", "authorised", "refused", "voided", "refunded"]


class Operator:
    """`work` until cancelled; `idle` when there is nothing left to do."""

    def __init__(self, shop: Sagamore, twin: str) -> None:
        self._shop, self._twin = shop, twin
        self.idle = asyncio.Event()

    async def work(self) -> None:
        """Look again and again."""
        async with aiohttp.ClientSession(self._twin) as session:
            while True:
                letters = (await self._shop.dead_letters.list(limit=200)).items
                for letter in letters:
                    try:
                        await self._handle(letter, session)
                    except (Refused, aiohttp.ClientError):
                        pass  # it has moved on meanwhile, or the provider does not say: looked at again
                if letters:
                    self.idle.clear()
                else:
                    self.idle.set()
                await asyncio.sleep(LOOK_EVERY_S)

    async def _handle(self, letter: DeadLetter, session: aiohttp.ClientSession) -> None:
        if time.time() - letter.buried_at_ms / 1000 < SETTLED_AFTER_S:
            return
        try:
            payment = await self._shop.payments.get(letter.correlation)
        except UnknownOrder:
            return
        if payment.parked is not None:
            outcome, reference = await self._records(payment, session)
            await self._shop.payments.resolve(payment.order_id, outcome=outcome, reference=reference, by="oli")
        elif payment.state == "STUCK":
            if letter.message_type.startswith("payments.retry_refund/"):
                await self._shop.dead_letters.replay(letter.id, by="oli")
        elif letter.effect or letter.message_type.startswith(("payments.retry_refund/", "payments.poll/")):
            await self._shop.dead_letters.discard(letter.id, by="oli", reason="solved")
        else:
            await self._shop.dead_letters.replay(letter.id, by="oli")

    async def _records(self, payment: Payment, session: aiohttp.ClientSession) -> tuple[Outcome, str]:
        """What the provider's books say became of the parked call."""
        assert payment.parked is not None
        found = [
            theirs
            for theirs in (await _get(session, f"/v1/payments?reference={payment.order_id}"))["payments"]
            if theirs["metadata"]["attempt"] == str(payment.attempt)
        ]
        if not found:
            return "refused", "not found"
        theirs = found[0]
        if payment.parked.refund_id:
            refunds = (await _get(session, f"/v1/payments/{theirs['id']}/refunds"))["refunds"]
            paid = [r for r in refunds if r["refund_id"] == payment.parked.refund_id and r["status"] != "refused"]
            return ("refunded" if paid else "refused"), theirs["id"]
        match payment.parked.operation, theirs["status"]:
            case "void", "captured":
                return "captured", theirs["id"]
            case "void", _:
                if theirs["status"] in ("authorised", "action_required", "pending"):
                    await _void_by_hand(session, theirs["id"])
                return "voided", theirs["id"]
            case _, "captured":
                return "captured", theirs["id"]
            case "charge" | "authorise", "authorised":
                return "authorised", theirs["id"]
        return "refused", theirs["id"]


async def _void_by_hand(session: aiohttp.ClientSession, payment: str) -> None:
    headers = {"Idempotency-Key": f"by hand {payment} {time.monotonic()}"}
    async with session.post(f"/v1/payments/{payment}/void", json={}, headers=headers) as response:
        response.raise_for_status()


async def _get(session: aiohttp.ClientSession, path: str) -> Any:
    async with session.get(path) as response:
        response.raise_for_status()
        return await response.json()
