"""No payment provider: for a program that opens a shop only to look, or to receive stock.

Every call is put off, which costs no attempt, so the payments that wait on disk are made by the next opener that has a
provider.
"""

from collections.abc import Sequence

from sagamore.actors.orders.payment_messages import PaymentEvent
from sagamore.actors.orders.payment_provider import (
    CaptureRequest,
    ChargeRequest,
    PaymentCapabilities,
    ReadRequest,
    RefundRequest,
    VoidRequest,
)
from sagamore.engine.effect import Outcome, Throttled
from sagamore.engine.policy import MINUTE_MS

LATER = Throttled(MINUTE_MS)


class AbsentPayments:
    """Puts everything off."""

    capabilities = PaymentCapabilities(takes_key=True)

    async def charge(self, request: ChargeRequest, key: str) -> Outcome:
        """Later."""
        return LATER

    async def authorise(self, request: ChargeRequest, key: str) -> Outcome:
        """Later."""
        return LATER

    async def capture(self, request: CaptureRequest, key: str) -> Outcome:
        """Later."""
        return LATER

    async def void(self, request: VoidRequest, key: str) -> Outcome:
        """Later."""
        return LATER

    async def refund(self, request: RefundRequest, key: str) -> Outcome:
        """Later."""
        return LATER

    async def read(self, request: ReadRequest) -> Outcome:
        """Later."""
        return LATER

    async def look_up(self, request: ReadRequest) -> Outcome | None:
        """Later."""
        return LATER

    async def events(self, after: str) -> tuple[Sequence[PaymentEvent], str]:
        """None."""
        return (), after

    async def close(self) -> None:
        """Nothing is open."""
