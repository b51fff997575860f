"""Twilio's Messages resource: POST /2010-04-01/Accounts/{sid}/Messages.json, as its documentation describes it."""

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from aiohttp import web

from tests.notifications.twins.http_twin import Behaviour, HttpTwin, Reply

ACCOUNT = "AC" + "0123456789abcdef" * 2
SERVICE = "MG" + "fedcba9876543210" * 2
SENDER = "+14155550000"
SECRET = "the-auth-token-of-the-account"
FIELDS = {"To", "From", "MessagingServiceSid", "Body", "StatusCallback", "ValidityPeriod"}


def error(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> Reply:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return Reply(status, {"code": code, "message": message, "more_info": more, "status": status}, headers)


class TwilioTwin(HttpTwin):
    """One account; `user` is its sid or an API key's."""

    replies: ClassVar[Mapping[Behaviour, Reply]] = {
        "refuse": error(400, 21408, "Permission to send an SMS has not been enabled for the region of the 'To' number"),
        "dead_address": error(400, 21610, "Attempt to send to unsubscribed recipient"),
        "unable": error(503, 20503, "Service unavailable"),
        "throttle": error(429, 20429, "Too Many Requests", {"Retry-After": "3"}),
    }

    def __init__(self, user: str = ACCOUNT, secret: str = SECRET) -> None:
        super().__init__()
        self.authorization = "Basic " + b64encode(f"{user}:{secret}".encode()).decode()

    def application(self) -> web.Application:
        application = web.Application(client_max_size=65_536)
        application.router.add_route("*", "/{path:.*}", self._messages)
        return application

    async def _messages(self, request: web.Request) -> web.Response:
        try:
            form = await self._checked(request)
        except Reply as reply:
            return reply.response()
        sid = f"SM{len(self.ledger):032x}"
        message: dict[str, Any] = {
            "account_sid": ACCOUNT, "api_version": "2010-04-01", "body": form["Body"], "date_created": None,
            "date_sent": None, "date_updated": None, "direction": "outbound-api", "error_code": None,
            "error_message": None, "from": form.get("From"), "messaging_service_sid": form.get("MessagingServiceSid"),
            "num_media": "0", "num_segments": "1", "price": None, "price_unit": "USD", "sid": sid, "status": "queued",
            "subresource_uris": {}, "to": form["To"], "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json",
        }  # fmt: skip
        return await self.take(request, form["To"], Reply(201, message))

    async def _checked(self, request: web.Request) -> dict[str, str]:
        wrong = self.wrong
        if request.path != f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
            raise wrong(error(404, 20404, f"The requested resource {request.path} was not found"), "path")
        if request.method != "POST":
            raise wrong(error(405, 20004, "Method not allowed"), "method")
        if request.headers.get("Authorization") != self.authorization:
            raise wrong(error(401, 20003, "Authenticate"), "authorization")
        if request.content_type != "application/x-www-form-urlencoded" or request.query_string:
            raise wrong(error(400, 20001, "Invalid parameters"), "encoding")
        pairs = parse_qsl(await request.text(), keep_blank_values=True, strict_parsing=True)
        form = dict(pairs)
        if len(form) != len(pairs) or not form.keys() <= FIELDS:
            raise wrong(error(400, 20001, "Invalid parameters"), f"fields {[name for name, _ in pairs]}")
        for said, reply in self._rules(form):
            if said:
                raise wrong(reply, str(reply.body))
        return form

    def _rules(self, form: dict[str, str]) -> list[tuple[bool, Reply]]:
        to, body, validity = form.get("To", ""), form.get("Body", ""), form.get("ValidityPeriod", "1")
        sender, service, callback = form.get("From"), form.get("MessagingServiceSid"), form.get("StatusCallback")
        return [
            (not to, error(400, 21604, "A 'To' phone number is required.")),
            (not re.fullmatch(r"\+[1-9]\d{6,14}", to), error(400, 21211, f"Invalid 'To' Phone Number: {to}")),
            (sender is None and service is None, error(400, 21603, "A 'From' phone number is required.")),
            (sender not in (None, SENDER), error(400, 21212, f"Invalid From Number: {sender}")),
            (service not in (None, SERVICE), error(404, 21701, "The Messaging Service does not exist")),
            (not body, error(400, 21602, "Message body is required.")),
            (len(body) > 1600, error(400, 21617, "The concatenated message body exceeds the 1600 character limit.")),
            (not (validity.isdecimal() and 1 <= int(validity) <= 36_000), error(400, 90007, "Invalid validity period")),
            (not re.match(r"https?://[^_/]+/", callback or "http://a/"), error(400, 21609, "Invalid StatusCallback")),
        ]  # fmt: skip
