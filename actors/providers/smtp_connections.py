"""Kept connections to an SMTP server, since a connection for each message costs most of what sending it costs, and
aiosmtplib has no pool.

Needs aiosmtplib. A connection is used by one message at a time and goes back only after a reply that leaves it in a
known state; whatever else happens to it, a cancelled call above all, it is cut off at once, so that no late reply can
ever be taken for that of another message. Those that idled too long are closed when the pool is used next; until then
the server's own time-out ends them.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import aiosmtplib
import msgspec

from sagamore.actors.providers.smtp_answers import LOST, NoConnection, Reply, Step, shown


class Server(msgspec.Struct, frozen=True):
    """Where and how to connect."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    implicit: bool
    hello: str
    login: tuple[str, str] | None

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port})"


class SmtpStatistics(msgspec.Struct, frozen=True):
    """Connections now, sends that wait for one, and connections ever opened."""

    in_use: int
    idle: int
    waiting: int
    opened: int


class Connection(aiosmtplib.SMTP):
    """One connection; closing it is at once, whatever has not been written yet and whether the peer answers or not."""

    messages = 0
    idle_since_ms = 0.0
    dirty = False
    """A transaction was begun and not ended: RSET comes first."""

    def close(self) -> None:
        """Cut off."""
        transport = self.transport
        super().close()
        if transport is not None:
            cast(asyncio.WriteTransport, transport).abort()

    def say_goodbye(self) -> None:
        """QUIT, without waiting for the answer."""
        if self.protocol is not None and self.is_connected:
            self.protocol.write(b"QUIT\r\n")

    async def open(self, server: Server) -> None:
        """Up to where MAIL FROM is next. Raises NoConnection."""
        try:
            await self.connect()
            if server.tls is not None and not server.implicit:
                await self.starttls()
            await self.ehlo()
            if server.login is not None:
                await self.login(*server.login)
        except aiosmtplib.SMTPAuthenticationError as error:
            raise NoConnection(f"the user name or password was refused with {error.code}") from None  # no echo of them
        except aiosmtplib.SMTPResponseException as error:
            raise NoConnection(f"{error.code} {shown(error.message)}") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise NoConnection(shown(str(error))) from error

    async def begin(self, sender: str, recipient: str, size: int) -> Reply | None:
        """As far as DATA; None if that is next."""
        step: Step = "MAIL FROM"
        try:
            if self.dirty:
                await self.rset()
            self.dirty = True
            await self.mail(sender, options=[f"SIZE={size}"] if self.supports_extension("size") else [])
            step = "RCPT TO"
            await self.rcpt(recipient)
        except (aiosmtplib.SMTPException, OSError) as error:
            return _reply(step, error)
        return None

    async def hand_over(self, message: bytes) -> Reply | str:
        """DATA; what the server said when it took the message."""
        try:
            response = await self.data(message)
        except (aiosmtplib.SMTPException, OSError) as error:
            return _reply("DATA", error)
        self.dirty = False
        return response.message


def _reply(step: Step, error: Exception) -> Reply:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return Reply(step, error.code, error.message)
    return Reply(step, LOST, str(error))


class Connections:
    """At most `connections_max` at once, each for at most `messages_max` messages and kept idle for `idle_ms`."""

    def __init__(
        self, server: Server, connections_max: int, messages_max: int, idle_ms: int, elapsed_ms: Callable[[], float]
    ) -> None:
        self._server, self._messages_max, self._idle_ms, self._elapsed_ms = server, messages_max, idle_ms, elapsed_ms
        self._places = asyncio.Semaphore(connections_max)
        self._idle: list[Connection] = []
        self._in_use: set[Connection] = set()
        self._waiting = self._opened = 0
        self._closed = False

    async def lease(self) -> Connection:
        """The connection used last, or a new one; waits for a place. Raises NoConnection."""
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        connection = self._kept() or self._new()
        self._in_use.add(connection)
        with self.dropped_on_error(connection):
            if self._closed:
                raise NoConnection("the e-mail channel is closed")
            if not connection.is_connected:
                await connection.open(self._server)
                self._opened += 1
        return connection

    def give_back(self, connection: Connection, *, usable: bool = True) -> None:
        """It is in a known state: keep it for the next message, unless its time is over."""
        connection.messages += 1
        if not usable or self._closed or not connection.is_connected or connection.messages >= self._messages_max:
            connection.say_goodbye()
            self._drop(connection)
            return
        self._in_use.discard(connection)
        connection.idle_since_ms = self._elapsed_ms()
        self._idle.append(connection)
        self._places.release()

    @contextmanager
    def dropped_on_error(self, connection: Connection) -> Iterator[None]:
        """Whatever is raised, a cancellation above all, leaves it in a state that nobody knows: cut off."""
        try:
            yield
        except BaseException:
            self._drop(connection)
            raise

    def _drop(self, connection: Connection) -> None:
        self._in_use.discard(connection)
        connection.close()
        self._places.release()

    async def close(self) -> None:
        """End all connections; what is under way on them is not answered any more."""
        self._closed = True
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.say_goodbye()
        await asyncio.sleep(0)  # for loops that write at the end of a turn
        for connection in (*idle, *self._in_use):
            connection.close()

    def statistics(self) -> SmtpStatistics:
        """A snapshot."""
        return SmtpStatistics(len(self._in_use), len(self._idle), self._waiting, self._opened)

    def _kept(self) -> Connection | None:
        oldest_ms = self._elapsed_ms() - self._idle_ms
        fresh = [connection for connection in self._idle if connection.is_connected]
        self._idle = [connection for connection in fresh if connection.idle_since_ms > oldest_ms]
        for connection in fresh:
            if connection.idle_since_ms <= oldest_ms:
                connection.say_goodbye()
                connection.close()
        return self._idle.pop() if self._idle else None

    def _new(self) -> Connection:
        server = self._server
        return Connection(
            hostname=server.host, port=server.port, local_hostname=server.hello, timeout=None, start_tls=False,
            use_tls=server.implicit, tls_context=server.tls,
        )  # fmt: skip
