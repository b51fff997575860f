"""The payment twin over HTTP: a strict card provider on loopback, plain JSON, whose books are the judge in crash tests.

    POST /v1/payments               {reference, amount, currency, method, capture, metadata?}      -> payment
    POST /v1/payments/{id}/capture  {amount}                                                       -> payment
    POST /v1/payments/{id}/void     {}                                                             -> payment
    POST /v1/payments/{id}/refunds  {refund_id, amount}                                            -> refund
        each with Idempotency-Key (idempotency.py); 402: a stored, definitive refusal with the same body, see `code`
    GET  /v1/payments/{id}                       -> payment
    GET  /v1/payments?reference=R                -> {payments}   strongly consistent: executed means listed
    GET  /v1/payments/{id}/refunds               -> {refunds}    refused and failed ones too
    POST /v1/payments/{id}/complete {outcome: captured | refused, late?} -> payment; the customer's part, without a key
    GET  /v1/events?after=N                      -> {events, last}   what happened unasked, EVENTS_MAX at a time
    GET  /v1/ledger[?details=1]                  -> {totals: {currency: sums}, references?: {reference: sums}}; audit.py
    GET  /v1/ledger/violations                   -> {violations: [{reference, rule, account}]}; audit.py
    GET  /v1/statistics                          -> counts since the start of the process
    GET, PUT /v1/faults                          -> the settings (faults.py); PUT replaces all of them

    payment  {id, reference, status, amount, captured, refunded, currency, method, capture, metadata?, code?, message?,
              capture_before?, next_action?}; status: payment.py. Empty fields are left out.
    refund   {id, refund_id, payment, status, amount, code?, message?}
    event    {number, type, at, payment, refund?, late?}
    error    {code, message}: 400 bad request, key_missing, key_mismatch; 404; 409 key_in_use; 429 with Retry-After

A request under way does not show in any read until its money moves; a client that goes away changes nothing.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
from aiohttp import web

from sagamore.twin import audit
from sagamore.twin.errors import Rejected
from sagamore.twin.faults import FaultSettings, Operation
from sagamore.twin.payment import Payment
from sagamore.twin.provider import Capture, Complete, Pay, RefundPart, Void
from sagamore.twin.twin import AUTHORISATION_TTL_S, KEY_TTL_S, Act, Twin, system_ms

LOOPBACK = "127.0.0.1"
EVENTS_MAX = 1_000  # of one answer; ask again after `last`
BODY_BYTES_MAX = 65_536  # a payment with its metadata is below 10 kB
STOP_GRACE_S = 1.0  # for answers under way when the twin stops

R = TypeVar("R", bound=msgspec.Struct)
Handler = Callable[[web.Request], Awaitable[web.Response]]


class Server:
    """The routes of one twin."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin

    def application(self) -> web.Application:
        """All routes."""
        application = web.Application(client_max_size=BODY_BYTES_MAX)
        door, desk = self._door, self._desk
        application.add_routes(
            [
                web.post("/v1/payments", door(self._pay)),
                web.post("/v1/payments/{id}/capture", door(self._capture)),
                web.post("/v1/payments/{id}/void", door(self._void)),
                web.post("/v1/payments/{id}/refunds", door(self._refund)),
                web.get("/v1/payments", door(self._payments), allow_head=False),
                web.get("/v1/payments/{id}", door(self._payment), allow_head=False),
                web.get("/v1/payments/{id}/refunds", door(self._refunds), allow_head=False),
                web.post("/v1/payments/{id}/complete", desk(self._complete)),
                web.get("/v1/events", desk(self._events), allow_head=False),
                web.get("/v1/ledger", desk(self._ledger), allow_head=False),
                web.get("/v1/ledger/violations", desk(self._violations), allow_head=False),
                web.get("/v1/statistics", desk(self._statistics), allow_head=False),
                web.get("/v1/faults", desk(self._faults), allow_head=False),
                web.put("/v1/faults", desk(self._set_faults)),
            ]
        )
        return application

    def _door(self, handler: Handler) -> Handler:
        """The merchant's side: counted, and subject to throttling and failing reads."""

        async def handle(request: web.Request) -> web.Response:
            twin = self._twin
            twin.requests += 1
            if twin.faults.hits("throttle"):
                raise Rejected(429, "throttled", "too many requests", twin.faults.settings.retry_after_ms)
            if request.method == "GET":
                await twin.wait(twin.faults.settings.latency_ms)
                if twin.faults.hits("error_read"):
                    return _json({"code": "server_error", "message": "the provider failed"}, 500)
            return await handler(request)

        return self._desk(handle)

    def _desk(self, handler: Handler) -> Handler:
        """The tester's side: what is due is counted first; a rejection becomes its answer."""

        async def handle(request: web.Request) -> web.Response:
            self._twin.tick()
            try:
                return await handler(request)
            except Rejected as rejected:
                self._twin.rejected[rejected.reason] += 1
                body: dict[str, object] = {"code": rejected.reason, "message": rejected.message}
                headers = {}
                if rejected.retry_after_ms is not None:
                    body["retry_after_ms"] = rejected.retry_after_ms
                    headers["Retry-After"] = str(-(-rejected.retry_after_ms // 1000))  # whole seconds, rounded up
                return _json(body, rejected.status, headers)

        return handle

    async def _pay(self, request: web.Request) -> web.Response:
        provider = self._twin.provider
        pay = await _decode(request, Pay)
        return await self._execute(
            request, "payment", pay, lambda draw, settings, now_ms: provider.pay(pay, draw, settings, now_ms)
        )

    async def _capture(self, request: web.Request) -> web.Response:
        provider = self._twin.provider
        capture, payment = await _decode(request, Capture), self._find(request)
        return await self._execute(
            request, "capture", capture, lambda draw, _, now_ms: provider.capture(payment, capture, draw, now_ms)
        )

    async def _void(self, request: web.Request) -> web.Response:
        provider = self._twin.provider
        void, payment = await _decode(request, Void), self._find(request)
        return await self._execute(request, "void", void, lambda _, __, now_ms: provider.void(payment, now_ms))

    async def _refund(self, request: web.Request) -> web.Response:
        provider = self._twin.provider
        part, payment = await _decode(request, RefundPart), self._find(request)
        return await self._execute(
            request,
            "refund",
            part,
            lambda draw, settings, now_ms: provider.refund(payment, part, draw, settings, now_ms),
        )

    async def _execute(
        self, request: web.Request, operation: Operation, asked: msgspec.Struct, act: Act
    ) -> web.Response:
        key = request.headers.get("Idempotency-Key", "")
        reply = await self._twin.execute(operation, request.path, key, asked, act)
        if reply.lost and request.transport is not None:
            request.transport.abort()
        headers = {"Idempotent-Replayed": "true"} if reply.replayed else None
        return _bytes(bytes(reply.answer.body), reply.answer.status, headers)

    async def _payment(self, request: web.Request) -> web.Response:
        return _json(self._find(request))

    async def _payments(self, request: web.Request) -> web.Response:
        reference = request.query.get("reference")
        if not reference:
            raise Rejected(400, "invalid_request", "payments are listed by reference: ?reference=R")
        return _json({"payments": self._twin.ledger.by_reference.get(reference, [])})

    async def _refunds(self, request: web.Request) -> web.Response:
        refunds = self._twin.ledger.refunds.get(self._find(request).id, {})
        return _json({"refunds": list(refunds.values())})

    async def _complete(self, request: web.Request) -> web.Response:
        done = self._twin.complete(self._find(request), await _decode(request, Complete))
        return _bytes(bytes(done.answer.body), done.answer.status)

    async def _events(self, request: web.Request) -> web.Response:
        after = request.query.get("after", "0")
        if not after.isdecimal():
            raise Rejected(400, "invalid_request", f"after={after!r}; the number of an event, or 0, would be right")
        events = self._twin.ledger.events[int(after) : int(after) + EVENTS_MAX]
        return _json({"events": events, "last": events[-1].number if events else int(after)})

    async def _ledger(self, request: web.Request) -> web.Response:
        body: dict[str, object] = {"totals": audit.totals(self._twin.ledger)}
        if request.query.get("details", "0") != "0":
            body["references"] = audit.accounts(self._twin.ledger)
        return _json(body)

    async def _violations(self, request: web.Request) -> web.Response:
        return _json({"violations": list(audit.violations(self._twin.ledger))})

    async def _statistics(self, request: web.Request) -> web.Response:
        return _json(self._twin.statistics())

    async def _faults(self, request: web.Request) -> web.Response:
        return _json(self._twin.faults.settings)

    async def _set_faults(self, request: web.Request) -> web.Response:
        self._twin.faults.set(await _decode(request, FaultSettings))
        return _json(self._twin.faults.settings)

    def _find(self, request: web.Request) -> Payment:
        return self._twin.provider.find(request.match_info["id"])


@asynccontextmanager
async def serving(twin: Twin, host: str = LOOPBACK, port: int = 0) -> AsyncIterator[int]:
    """Serve a twin; gives the port. The twin stays the caller's to close."""
    runner = web.AppRunner(Server(twin).application(), access_log=None, shutdown_timeout=STOP_GRACE_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running_twin(
    directory: Path,
    *,
    faults: FaultSettings | None = None,
    key_ttl_s: float = KEY_TTL_S,
    authorisation_ttl_s: float = AUTHORISATION_TTL_S,
    now_ms: Callable[[], int] = system_ms,
) -> AsyncIterator[str]:
    """A twin in this process and loop, for tests; gives its URL, such as http://127.0.0.1:40123."""
    twin = Twin(
        directory,
        faults or FaultSettings(),
        key_ttl_s=key_ttl_s,
        authorisation_ttl_s=authorisation_ttl_s,
        now_ms=now_ms,
    )
    try:
        async with serving(twin) as port:
            yield f"http://{LOOPBACK}:{port}"
    finally:
        twin.close()


async def _decode(request: web.Request, kind: type[R]) -> R:
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Rejected(400, "invalid_request", str(error)) from error


def _json(body: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return _bytes(msgspec.json.encode(body), status, headers)


def _bytes(body: bytes, status: int, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")
