"""E-mail through a relay that speaks SMTP, over kept connections (`smtp_connections.py`).

SMTP takes no key: a message whose answer was lost is sent again, counted as uncertain, and may arrive twice. All copies
are the same bytes with the same Message-ID (`smtp_message.py`), so that a receiver can tell. What replies mean is in
`smtp_answers.py`; before DATA nothing was handed over, so whatever goes wrong there is not reached. DKIM signatures,
which RFC 8058 wants over the unsubscribe headers too, are the relay's to make.
"""

import asyncio
import ipaddress
import ssl
from collections.abc import Callable
from email.utils import parseaddr
from typing import TYPE_CHECKING, Literal

from sagamore.actors.notifications.channel import CannotSend, Outgoing, permanent, sent
from sagamore.actors.notifications.channels.email import EmailChannel, plain_address
from sagamore.actors.notifications.errors import BadAddress
from sagamore.actors.providers.smtp_answers import NoConnection, Reply, shown
from sagamore.actors.providers.smtp_message import Letterhead, is_unsubscribe_url, message_bytes, message_id
from sagamore.engine.effect import Call, Capabilities, NotReached, Outcome
from sagamore.engine.errors import InvalidInput
from sagamore.engine.policy import SECOND_MS

if TYPE_CHECKING:
    from sagamore.actors.providers.smtp_connections import Connection, SmtpStatistics

CONNECTIONS_MAX = 256
NUMBER_MAX = 1 << 31


class SmtpEmail(EmailChannel):
    """`sender` as `Shop <shop@example.com>`. `tls`: `starttls` (port 587), `implicit` (465), or `none`, which is taken
    for a loopback address only, unless `plain_text_allowed`; certificates are checked against the system's authorities
    or those in `ca_file`. `hello` is the name we greet with; the sender's domain if empty. `unsubscribe_url` is a
    template with `{user_id}` and `{delivery}`. At most `connections_max` (1 to 256) connections are kept, each for
    `messages_max` messages and `idle_ms` without any. What comes before DATA, a place in the pool included, may take
    `patience_ms`: less than an attempt's timeout (30 s), so that a relay that stalls is known not to have been reached.
    `elapsed_ms` is the event loop's time if not given. For one event loop.

    Raises InvalidInput, and ImportError if aiosmtplib is not there."""

    def __init__(
        self,
        host: str,
        port: int = 587,
        *,
        sender: str,
        tls: Literal["starttls", "implicit", "none"] = "starttls",
        username: str = "",
        password: str = "",
        ca_file: str = "",
        plain_text_allowed: bool = False,
        hello: str = "",
        unsubscribe_url: str = "",
        connections_max: int = 8,
        messages_max: int = 100,
        idle_ms: int = 30 * SECOND_MS,
        patience_ms: int = 20 * SECOND_MS,
        elapsed_ms: Callable[[], float] | None = None,
    ) -> None:
        try:
            from sagamore.actors.providers import smtp_connections
        except ImportError as error:
            raise ImportError("SmtpEmail needs aiosmtplib: pip install 'sagamore[email]'") from error
        _check("port", port, 65_535)
        _check("connections_max", connections_max, CONNECTIONS_MAX)
        for name, value in (("messages_max", messages_max), ("idle_ms", idle_ms), ("patience_ms", patience_ms)):
            _check(name, value, NUMBER_MAX)
        if bool(username) != bool(password):
            raise InvalidInput("username", username, "a username and a password, or neither, would be right")
        if tls == "none" and not plain_text_allowed and not _is_loopback(host):
            raise InvalidInput("tls", tls, f"'starttls' or 'implicit' would be right for {host!r}, which is elsewhere")
        self._letterhead = _letterhead(sender, unsubscribe_url)
        server = smtp_connections.Server(
            host, port, _context(tls, ca_file), tls == "implicit", hello or self._letterhead.sender.rpartition("@")[2],
            (username, password) if username else None,
        )  # fmt: skip
        self._connections = smtp_connections.Connections(
            server, connections_max, messages_max, idle_ms,
            elapsed_ms or (lambda: asyncio.get_running_loop().time() * SECOND_MS),
        )  # fmt: skip
        self._patient: set[asyncio.Timeout] = set()
        self._place, self._patience_ms = f"{host}:{port}", patience_ms
        self.capabilities = Capabilities(takes_key=False, in_flight_max=connections_max)

    def __repr__(self) -> str:
        return f"SmtpEmail({self._place!r}, sender={self._letterhead.sender!r})"

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        """Hand it to the relay."""
        try:
            self.check_parts(dict(outgoing.parts))
            address = plain_address(outgoing.address)
            message = message_bytes(self._letterhead, outgoing)
        except CannotSend as error:
            return permanent(error.code, error.message)
        except BadAddress as error:
            return permanent(error.code, str(error), dead_address=True)
        begun = await self._begun(address, len(message))
        return begun if isinstance(begun, Outcome) else await self._handed_over(begun, message, outgoing)

    def statistics(self) -> "SmtpStatistics":
        """How the connections stand."""
        return self._connections.statistics()

    async def close(self) -> None:
        """Close all connections; what was handed over and not answered is unknown, the rest not reached."""
        await self._connections.close()
        for patience in self._patient:
            if not patience.expired():
                patience.reschedule(0)  # long past

    async def _begun(self, address: str, size: int) -> "Connection | Outcome":
        """A connection on which DATA is next, or why there is none. One that was kept and has been closed meanwhile is
        replaced: nothing was handed over."""
        patience = asyncio.timeout(self._patience_ms / SECOND_MS)
        self._patient.add(patience)
        try:
            async with patience:
                while True:
                    connection = await self._connections.lease()
                    kept = connection.messages > 0
                    with self._connections.dropped_on_error(connection):
                        refused = await connection.begin(self._letterhead.sender, address, size)
                    if refused is None:
                        return connection
                    self._connections.give_back(connection, usable=not refused.connection_ended)
                    if not (kept and refused.connection_ended):
                        return refused.outcome()
        except TimeoutError:
            return NotReached(f"{self._place} did not come as far as DATA within {self._patience_ms} ms, or was closed")
        except NoConnection as error:
            return NotReached(f"{self._place}: {error}")
        finally:
            self._patient.discard(patience)

    async def _handed_over(self, connection: "Connection", message: bytes, outgoing: Outgoing) -> Outcome:
        with self._connections.dropped_on_error(connection):
            answer = await connection.hand_over(message)
        if isinstance(answer, Reply):
            self._connections.give_back(connection, usable=not answer.connection_ended)
            return answer.outcome()
        self._connections.give_back(connection)
        return sent(message_id(self._letterhead, outgoing), shown(answer))


def _check(name: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise InvalidInput(name, value, f"between 1 and {most} would be right")


def _letterhead(sender: str, unsubscribe_url: str) -> Letterhead:
    name, address = parseaddr(sender)
    if not address or not sender.isprintable():
        raise InvalidInput("sender", sender, "an address as shop@example.com or Shop <shop@example.com> would be right")
    if unsubscribe_url and not is_unsubscribe_url(unsubscribe_url):
        expected = "an https, http or mailto URL in ASCII with no place but {user_id} and {delivery} would be right"
        raise InvalidInput("unsubscribe_url", unsubscribe_url, expected)
    return Letterhead(plain_address(address), name, unsubscribe_url)


def _context(tls: str, ca_file: str) -> ssl.SSLContext | None:
    if tls not in ("starttls", "implicit", "none"):
        raise InvalidInput("tls", tls, "'starttls', 'implicit' or 'none' would be right")
    if tls == "none":
        return None
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ValueError) as error:
        raise InvalidInput("ca_file", ca_file, f"a file of certificates in PEM would be right: {error}") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
