"""A real SMTP server on the test's own loop, with a script and a ledger."""

import asyncio
import ssl
from collections.abc import Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.notifications.contract.suite import Behaviour, Taken

REPLIES: Mapping[Behaviour, str] = {
    "refuse": "550 5.7.1 The content is against our policy",
    "dead_address": "550 5.1.1 No such user here",
    "unable": "451 4.3.0 Come back later",
}
ACCEPTED = "250 2.0.0 queued as ABC123"
GONE = "gone"
"""As a reply: hang up."""
STALL = "stall"


class MailServer:
    """Takes all that comes, unless the script has another answer for a step: `GREETING`, `MAIL`, `RCPT`, `DATA` (once
    the message has been read) or `QUIT`. An answer may be `GONE` or `STALL`. With a `password`, who sends must have
    it. Counts connections and keeps what it took."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, implicit: bool = False, password: str = "") -> None:
        self.tls, self.implicit, self.password = tls, implicit, password
        self.replies: dict[str, str] = {}
        self.taken: list[bytes] = []
        self.recipients: list[str] = []
        self.commands: list[str] = []
        self.open: set[Connection] = set()
        self.opened = self.stalled = 0
        self.port = 0
        self._script_changed = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """On the port it had."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self), "127.0.0.1", self.port, ssl=self.tls if self.implicit else None
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Gone, its connections too."""
        if self._server is not None:
            self._server.close()
            self.hang_up()
            await self._server.wait_closed()
            self._server = None

    def hang_up(self) -> None:
        """Close all connections, as a server does that finds them idle."""
        for connection in tuple(self.open):
            connection.end()

    def script(self, replies: dict[str, str]) -> None:
        """From now on, for what is stalled too."""
        self.replies = replies
        changed, self._script_changed = self._script_changed, asyncio.Event()
        changed.set()

    async def reply(self, step: str) -> str | None:
        """What the script says, once it no longer says to stall."""
        while self.replies.get(step) == STALL:
            self.stalled += 1
            try:
                await self._script_changed.wait()
            finally:
                self.stalled -= 1
        return self.replies.get(step)

    def messages(self) -> list[EmailMessage]:
        """What was taken, parsed."""
        return [_parsed(message) for message in self.taken]

    def ledger(self) -> list[Taken]:
        """For the contract suite."""
        return [Taken(to, _content(message)) for to, message in zip(self.recipients, self.taken, strict=True)]

    # --- hooks of aiosmtpd ---

    async def handle_MAIL(
        self, server: "Connection", session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return await server.answer("MAIL") or "250 OK"

    async def handle_RCPT(
        self, server: "Connection", session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = await server.answer("RCPT")
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: "Connection", session: Session, envelope: Envelope) -> str:
        answer = await self.reply("DATA")
        if answer is None or answer == GONE:
            assert isinstance(envelope.content, bytes)
            self.taken.append(envelope.content)
            self.recipients += envelope.rcpt_tos
        return await server.answer("DATA") or ACCEPTED

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and data.password.decode() == self.password
        return AuthResult(success=right, handled=False)


class Connection(SMTP):
    """One of a MailServer."""

    def __init__(self, server: MailServer) -> None:
        self.mail_server = server
        super().__init__(
            server, hostname="mail.test", tls_context=None if server.implicit else server.tls,
            require_starttls=bool(server.tls and not server.implicit), auth_require_tls=False,
            authenticator=server.authenticate, auth_required=bool(server.password),
        )  # fmt: skip

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.mail_server.open.add(self)
        if self.transport is None:
            self.mail_server.opened += 1
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.mail_server.open.discard(self)
        super().connection_lost(error)

    def eof_received(self) -> bool | None:
        self.end()
        return super().eof_received()

    async def answer(self, step: str) -> str | None:
        """The scripted reply; GONE ends the connection without one, 421 after it."""
        reply = await self.mail_server.reply(step)
        if reply == GONE:
            self.end()
            await asyncio.Event().wait()  # the end of the connection ends this task
        if reply is not None and reply.startswith("421"):
            await self.push(reply)
            self.end()
            await asyncio.Event().wait()
        return reply

    def end(self) -> None:
        if self.transport is not None:
            self.transport.close()

    async def push(self, status: str | bytes) -> None:
        if isinstance(status, bytes):
            await super().push(status)
            return
        if status.startswith("220 mail.test"):
            status = await self.answer("GREETING") or status
        await super().push(status)

    async def smtp_RSET(self, arg: str) -> None:
        self.mail_server.commands.append("RSET")
        await super().smtp_RSET(arg)

    async def smtp_QUIT(self, arg: str) -> None:
        self.mail_server.commands.append("QUIT")
        await self.answer("QUIT")
        await super().smtp_QUIT(arg)


def _parsed(message: bytes) -> EmailMessage:
    parsed = message_from_bytes(message, policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def _content(message: bytes) -> dict[str, str]:
    head, _, body = message.partition(b"\r\n\r\n")
    headers = message_from_bytes(head)
    assert len(set(headers.keys())) == len(headers.keys())
    return {"body": body.decode(), **{name.lower(): value for name, value in headers.items()}}
