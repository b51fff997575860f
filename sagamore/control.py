"""The control socket: how the command line has the owner of a directory do what only an owner may do.

A Unix socket in the directory, mode 0600, named `control.sock`. Lines of JSON: an operation in, its answer out, one
after another. A client is greeted at once, and again every 2 s while its operation is being done: who hears nothing for
longer knows that the event loop hangs, and not that the work is slow.

    ← {"alive": true}
    → {"operation": "orders.ship", "orderId": "ord_…"}
    ← {"answer": {…}}   or   {"error": {"code": "unknown_order", "message": "…", "badInput": false}}

The socket is bound under another name and renamed once it listens, so that who finds it can use it; one left by a
process that died is replaced, which is safe because only the owner of the directory comes so far. A path too long for
a socket's address (107 bytes on Linux) is shortened through /proc/self/fd.
"""

import asyncio
import logging
import os
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from sagamore.engine.errors import InvalidInput, NotWritable, Overloaded, SagamoreError
from sagamore.engine.runtime.supervisor import Supervisor
from sagamore.operations import decode_operation
from sagamore.shop import Shop
from sagamore.storage.disk import NEW

log = logging.getLogger("sagamore.control")

CONTROL_NAME = "control.sock"
REQUEST_BYTES_MAX = 1 << 20  # twice the largest message that the engine takes
CONNECTIONS_MAX = 64  # operators and an import or two; each may hold a request in memory
ALIVE_EVERY_S = 2.0
STOP_GRACE_S = 2  # what is being done when the shop stops takes milliseconds; who waits for an order is sent away
ADDRESS_BYTES_MAX = 103  # sun_path with its zero: 108 on Linux, 104 on macOS
DESCRIPTORS = Path("/proc/self/fd")
_ALIVE = b'{"alive": true}\n'


class ErrorView(msgspec.Struct, frozen=True, rename="camel"):
    """An error over the wire. `bad_input`: what was asked can never be done as it was asked."""

    code: str
    message: str
    bad_input: bool = False


@asynccontextmanager
async def serving(shop: Shop) -> AsyncIterator[None]:
    """Serve until the block ends. Raises InvalidInput (a path too long), NotWritable."""
    server = _Server(shop)
    listener = _listen(shop.path)
    listening = await asyncio.start_unix_server(server.connected, sock=listener, limit=REQUEST_BYTES_MAX)
    try:
        yield
    finally:
        listening.close()
        (shop.path / CONTROL_NAME).unlink(missing_ok=True)
        await server.stop()


@contextmanager
def address_of_socket(directory: Path, name: str = CONTROL_NAME) -> Iterator[str]:
    """What to bind or connect to. Raises InvalidInput for a path that is too long where there is no /proc."""
    path = str(directory.absolute() / name)
    if len(os.fsencode(path)) <= ADDRESS_BYTES_MAX:
        yield path
        return
    if not DESCRIPTORS.is_dir():
        most = ADDRESS_BYTES_MAX - len(name) - 1
        raise InvalidInput("path", str(directory), f"at most {most} bytes, so that its control socket has an address")
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"{DESCRIPTORS}/{descriptor}/{name}"
    finally:
        os.close(descriptor)


def _listen(directory: Path) -> socket.socket:
    path, new = directory / CONTROL_NAME, directory / (CONTROL_NAME + NEW)
    listener = socket.socket(socket.AF_UNIX)
    try:
        for old in (path, new):
            if os.path.lexists(old) and not stat.S_ISSOCK(old.lstat().st_mode):
                raise NotWritable(f"{old} is no socket of ours; move it away")
        new.unlink(missing_ok=True)
        with address_of_socket(directory, new.name) as address:
            listener.bind(address)
        new.chmod(0o600)
        listener.listen(CONNECTIONS_MAX)
        new.rename(path)
    except BaseException as error:
        listener.close()
        if isinstance(error, OSError):
            raise NotWritable(f"{path} cannot be made: {error}") from error
        raise
    listener.setblocking(False)
    return listener


class _Server:
    """The connections of one socket."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._supervisor = Supervisor()
        self._connections: set[asyncio.Task[Any]] = set()
        self._idle: set[asyncio.StreamWriter] = set()
        self._stopping = False

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A new client."""
        if self._stopping or len(self._connections) >= CONNECTIONS_MAX:
            writer.write(_error(Overloaded(f"{CONNECTIONS_MAX} clients are connected", 1_000)))
            writer.close()
            return
        task = self._supervisor.spawn(self._serve(reader, writer), "control")
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def stop(self) -> None:
        """Let what is being done be answered, then end all connections."""
        self._stopping = True
        for writer in self._idle:
            writer.close()
        if self._connections:
            await asyncio.wait(self._connections, timeout=STOP_GRACE_S)
        await self._supervisor.cancel_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(_ALIVE)
            while not self._stopping and (line := await self._next(reader, writer)):
                with _telling_that_it_lives(writer):
                    answer = await self._answer(line)
                writer.write(answer)
                await writer.drain()
        except ConnectionError:
            pass  # the client has gone; what it asked for is done
        finally:
            writer.close()

    async def _next(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        self._idle.add(writer)
        try:
            return await reader.readline()
        except ValueError:  # longer than the limit; the rest of the line cannot be told from another request
            writer.write(_error(InvalidInput("request", "a longer line", f"at most {REQUEST_BYTES_MAX} bytes")))
            return b""
        finally:
            self._idle.discard(writer)

    async def _answer(self, line: bytes) -> bytes:
        try:
            operation = decode_operation(line)
            return msgspec.json.encode({"answer": await operation.run(self._shop)}) + b"\n"
        except SagamoreError as error:
            return _error(error)
        except Exception as error:
            log.exception("an operation failed")
            return _line("internal", f"{type(error).__name__}: {error}")


@contextmanager
def _telling_that_it_lives(writer: asyncio.StreamWriter) -> Iterator[None]:
    """A line now and then, by the loop itself, so that none comes when it hangs."""
    loop = asyncio.get_running_loop()
    telling: asyncio.TimerHandle

    def tell() -> None:
        nonlocal telling
        if not writer.is_closing():
            writer.write(_ALIVE)
            telling = loop.call_later(ALIVE_EVERY_S, tell)

    telling = loop.call_later(ALIVE_EVERY_S, tell)
    try:
        yield
    finally:
        telling.cancel()


def _error(error: SagamoreError) -> bytes:
    return _line(error.code, str(error), isinstance(error, InvalidInput))


def _line(code: str, message: str, bad_input: bool = False) -> bytes:
    """An error as a line; a path in it may not be UTF-8."""
    message = message.encode(errors="backslashreplace").decode()
    return msgspec.json.encode({"error": ErrorView(code, message, bad_input)}) + b"\n"
