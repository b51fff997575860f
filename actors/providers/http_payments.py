"""A payment provider over HTTP: the client of the payment twin, and the pattern for a client of any other.

What an answer means is in `http_answers.py`, what no answer means in `http_client.py`. Our reference at the provider is
the order's id, so that its books show two charges for one order as what they are; the attempt is in the metadata. A
call has no timeout of its own once it is connected: the engine ends it.
"""

from urllib.parse import quote

import msgspec

from sagamore.actors.orders.payment_messages import PaymentEvent
from sagamore.actors.orders.payment_provider import (
    CaptureRequest,
    ChargeRequest,
    PaymentAnswer,
    PaymentCapabilities,
    ReadRequest,
    RefundRequest,
    Status,
    VoidRequest,
    declined,
    succeeded,
)
from sagamore.actors.providers.http_answers import (
    WireEvents,
    WirePayment,
    WirePayments,
    WireRefund,
    WireRefunds,
    outcome_of,
)
from sagamore.actors.providers.http_client import Answer, HttpClient, base_url_of
from sagamore.engine.effect import NotReached, Outcome, Unknown
from sagamore.engine.policy import DAY_MS, MINUTE_MS, SECOND_MS

PAYMENTS = "/v1/payments"
ANSWER_BYTES_MAX = 4 << 20  # a page of 1,000 events is 0.7 MB
JSON = {"Content-Type": "application/json"}


class HttpPayments:
    """`base_url` as http://127.0.0.1:8080. For one event loop. A look-up that finds nothing is not believed before
    `settle_ms` after the end of the last attempt; the provider remembers a key for `key_ttl_ms`; it is asked for its
    events every `events_every_ms`, 0 for never.

    Raises InvalidInput for a URL without http:// or https://."""

    def __init__(
        self,
        base_url: str,
        *,
        settle_ms: int = 2 * MINUTE_MS,
        key_ttl_ms: int = DAY_MS,
        events_every_ms: int = 10 * SECOND_MS,
    ) -> None:
        self.capabilities = PaymentCapabilities(
            takes_key=True, key_ttl_ms=key_ttl_ms, look_up=True, settle_ms=settle_ms, authorises=True,
            events_every_ms=events_every_ms,
        )  # fmt: skip
        self.base_url = base_url_of("base_url", base_url)
        self._http = HttpClient(answer_bytes_max=ANSWER_BYTES_MAX)

    async def charge(self, request: ChargeRequest, key: str) -> Outcome:
        """Take the money."""
        return await self._create(request, key, capture=True)

    async def authorise(self, request: ChargeRequest, key: str) -> Outcome:
        """Promise the money."""
        return await self._create(request, key, capture=False)

    async def capture(self, request: CaptureRequest, key: str) -> Outcome:
        """Take what was promised."""
        path = f"{_path(request.provider_id)}/capture"
        return await self._post(path, {"amount": request.amount}, key, WirePayment, stands="authorised")

    async def void(self, request: VoidRequest, key: str) -> Outcome:
        """Let go of what was promised."""
        return await self._post(f"{_path(request.provider_id)}/void", {}, key, WirePayment, stands="authorised")

    async def refund(self, request: RefundRequest, key: str) -> Outcome:
        """Give money back."""
        body = {"refund_id": request.refund_id, "amount": request.amount}
        return await self._post(f"{_path(request.provider_id)}/refunds", body, key, WireRefund)

    async def read(self, request: ReadRequest) -> Outcome:
        """How the payment stands."""
        reply = await self._send("GET", _path(request.provider_id))
        if not isinstance(reply, Answer):
            return reply
        if reply.status == 404:
            return declined(PaymentAnswer("refused", code="not_found", message=f"no payment {request.provider_id}"))
        return outcome_of(reply.status, reply.body, WirePayment, self.base_url)

    async def look_up(self, request: ReadRequest) -> Outcome | None:
        """The payment of this attempt, or the refund of it."""
        path = f"{_path(request.provider_id)}/refunds" if request.refund_id else PAYMENTS
        reply = await self._send("GET", path, query={} if request.refund_id else {"reference": request.order_id})
        if not isinstance(reply, Answer):
            return reply
        if reply.status != 200:
            return outcome_of(reply.status, reply.body, WirePayment, self.base_url)
        found: list[WirePayment] | list[WireRefund]
        if request.refund_id:
            refunds = msgspec.json.decode(reply.body, type=WireRefunds).refunds
            found = [refund for refund in refunds if refund.refund_id == request.refund_id]
        else:
            payments = msgspec.json.decode(reply.body, type=WirePayments).payments
            found = [payment for payment in payments if payment.metadata.get("attempt") == str(request.attempt)]
        if len(found) > 1:
            return Unknown(f"the provider has {len(found)} of {request.refund_id or request.reference}")
        return succeeded(found[0].answer(self.base_url)) if found else None

    async def events(self, after: str) -> tuple[tuple[PaymentEvent, ...], str]:
        """What happened unasked after the event of that number. Raises ConnectionError if the provider does not say."""
        reply = await self._send("GET", "/v1/events", query={"after": after or "0"})
        if not isinstance(reply, Answer):
            raise ConnectionError(reply.reason)
        if reply.status != 200:
            raise ConnectionError(f"{self.base_url} answers {reply.status}")
        answer = msgspec.json.decode(reply.body, type=WireEvents)
        return tuple(event.message() for event in answer.events), str(answer.last)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _create(self, request: ChargeRequest, key: str, *, capture: bool) -> Outcome:
        body = {
            "reference": request.order_id, "amount": request.amount, "currency": request.currency,
            "method": request.payment_method, "capture": capture, "metadata": {"attempt": str(request.attempt)},
        }  # fmt: skip
        return await self._post(PAYMENTS, body, key, WirePayment)

    async def _post(
        self, path: str, body: object, key: str, kind: type[WirePayment | WireRefund], *, stands: Status = "refused"
    ) -> Outcome:
        reply = await self._send("POST", path, msgspec.json.encode(body), {"Idempotency-Key": key, **JSON})
        if not isinstance(reply, Answer):
            return reply
        return outcome_of(reply.status, reply.body, kind, self.base_url, stands=stands)

    async def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        query: dict[str, str] | None = None,
    ) -> Answer | NotReached | Unknown:
        url = self.base_url + path
        return await self._http.send(method, url, content=body, headers=headers, query=query)


def _path(provider_id: str) -> str:
    return f"{PAYMENTS}/{quote(provider_id, safe='')}"
