"""The control socket of a shop: what it takes, what it refuses, and that no client hurts the shop."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from sagamore import Sagamore
from sagamore.cli.session import Remote, connect
from sagamore.control import CONNECTIONS_MAX, CONTROL_NAME, REQUEST_BYTES_MAX, address_of_socket
from sagamore.engine.errors import NotWritable
from sagamore.operations import GetHealth
from tests.cli.conftest import WAIT_S


async def _served(shop_dir: Path) -> Remote:
    remote = await connect(shop_dir)
    assert remote is not None
    return remote


async def _say(shop_dir: Path, line: bytes) -> Any:
    """One line to the socket, and its answer, after the greeting."""
    with address_of_socket(shop_dir) as address:
        reader, writer = await asyncio.open_unix_connection(address)
    writer.write(line)
    answer = await reader.readline()
    if answer == b'{"alive": true}\n':
        answer = await reader.readline()
    writer.close()
    return json.loads(answer)


def _place(**said: Any) -> bytes:
    line = {"productId": "MUG", "quantity": 1, "unitPrice": {"amount": "1", "currency": "GBP"}}
    usual = {"operation": "orders.place", "userId": "ann", "lines": [line], "paymentMethod": "pm_card"}
    return json.dumps(usual | said).encode() + b"\n"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"\n", "truncated"),
        (b"hello\n", "malformed"),
        (b"\xff\xfe\n", "malformed"),
        (b"null\n", "Expected `object`"),
        (b"[" * 200_000 + b"\n", "Expected `object`"),
        (b'{"operation":' * 50_000 + b"\n", "recursion depth"),
        (b'{"operation": "health", "deep": ' + b"[" * 200_000 + b"\n", "unknown field `deep`"),
        (b'{"operation": "os.system"}\n', "os.system"),
        (b'{"operation": "orders.ship"}\n', "orderId"),
        (b'{"operation": "orders.ship", "orderId": 1}\n', "Expected `str`"),
        (b'{"operation": "orders.ship", "orderId": "x", "shell": "y"}\n', "shell"),
        (b'{"operation": "orders.ship", "orderId": "\\ud800"}\n', "in a line of JSON"),
        (b'{"operation": "orders.ship", "orderId": "\xed\xa0\x80"}\n', "invalid continuation byte"),
        (b'{"operation": "orders.ship", "orderId": "a\\u0000"}\n', "without U+0000"),
        (b'{"operation": "4242 4242 4242 4242"}\n', "[card number ending in 4242]"),
        (_place(userId="4242 4242 4242 4242"), "[card number ending in 4242]"),
        (_place(userId="k" * 10_000), "at most 255 characters, not 10000"),
        (_place(lines=[{"productId": "MUG", "quantity": 1, "unitPrice": 1.5}]), "Expected `object`, got `float`"),
        (_place(payBy="2030-01-01T00:00:00"), "an aware datetime"),
        (_place(payBy="9999-12-31T23:59:59.999-12:00"), "before the year 10000"),
        (_place(waitMs=-1), "waitMs is -1; a whole number, 0 to 60,000"),
        (_place(waitMs=float("nan")), "malformed"),
        (_place(waitMs=10**400), "waitMs is 'an integer of 1329 bits'"),
        (_place(idempotencyKey="a\nb"), "printable characters"),
        (b'"' + b"x" * (REQUEST_BYTES_MAX + 1) + b'"\n', f"at most {REQUEST_BYTES_MAX} bytes"),
    ],
)
async def test_a_request_that_will_not_do_is_told_why_and_never_hurts_the_shop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, line: bytes, says: str
) -> None:
    async with Sagamore.open(tmp_path / "shop") as shop:
        answer = await _say(tmp_path / "shop", line)
        again = await _say(tmp_path / "shop", b'{"operation": "health"}\n')
        assert (await shop.orders.list()).items == ()
    assert (answer["error"]["code"], answer["error"]["badInput"]) == ("invalid_input", True)
    assert says in answer["error"]["message"]
    assert len(answer["error"]["message"]) < 300 and "4242 4242" not in answer["error"]["message"]
    assert again["answer"]["status"] == "GREEN"
    assert caplog.records == []


@pytest.mark.parametrize("line", [b"", b'{"operation": "orders.ca', b'{"operation": "health"}\n' * 50])
async def test_a_client_that_hangs_up_at_any_point_leaves_the_shop_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, line: bytes
) -> None:
    async with Sagamore.open(tmp_path / "shop"):
        for _ in range(CONNECTIONS_MAX + 1):
            with address_of_socket(tmp_path / "shop") as address:
                _, writer = await asyncio.open_unix_connection(address)
            writer.write(line)
            writer.transport.abort()
        async with asyncio.timeout(WAIT_S):
            while "answer" not in await _say(tmp_path / "shop", b'{"operation": "health"}\n'):
                pass
    assert caplog.records == []


async def test_more_clients_than_the_bound_are_sent_away_and_come_back_when_others_left(tmp_path: Path) -> None:
    shop_dir = tmp_path / "shop"
    async with Sagamore.open(shop_dir):
        clients = [await _served(shop_dir) for _ in range(CONNECTIONS_MAX)]
        for client in clients:
            await client.ask(GetHealth())
        answer = await _say(shop_dir, b"")
        assert answer["error"]["code"] == "overloaded"
        await clients.pop().close()
        async with asyncio.timeout(WAIT_S):
            while "answer" not in (answer := await _say(shop_dir, b'{"operation": "health"}\n')):
                pass
        for client in clients:
            await client.close()


async def test_a_shop_with_idle_clients_stops_at_once(tmp_path: Path) -> None:
    async with Sagamore.open(tmp_path / "shop"):
        client = await _served(tmp_path / "shop")
        await client.ask(GetHealth())
        started = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - started < 1.5
    await client.close()


async def test_a_path_too_long_for_a_socket_is_reached_all_the_same(tmp_path: Path) -> None:
    shop_dir = tmp_path / ("long" * 25) / "shop"
    shop_dir.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(OSError, match="AF_UNIX path too long"):
        client.connect(str(shop_dir / CONTROL_NAME))
    async with Sagamore.open(shop_dir):
        remote = await _served(shop_dir)
        assert (await remote.ask(GetHealth())).status == "GREEN"
        await remote.close()


async def test_a_file_in_the_place_of_the_socket_is_left_alone_and_named(tmp_path: Path) -> None:
    async with Sagamore.open(tmp_path / "shop"):
        pass
    (tmp_path / "shop" / CONTROL_NAME).write_text("mine")
    with pytest.raises(NotWritable, match=r"control\.sock is no socket of ours; move it away"):
        async with Sagamore.open(tmp_path / "shop"):
            pass
    assert (tmp_path / "shop" / CONTROL_NAME).read_text() == "mine"
