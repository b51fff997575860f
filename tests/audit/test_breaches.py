"""Each law is broken by hand in a copy of a real directory, and found."""

import asyncio
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import pytest

from sagamore.audit.law import EXAMPLES_MAX
from sagamore.audit.scratch import Scratch
from sagamore.engine.routes import stable_hash
from tests.audit.kit import audited, broken, change, make_shop

MUG = f"inventory-{stable_hash('stock:MUG') % 2}"
TEA = f"inventory-{stable_hash('stock:TEA') % 2}"
SET = "UPDATE entity SET state = json_set(state, '$.{}', {}) WHERE key = :key"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    path = tmp_path_factory.mktemp("audit") / "shop"
    return path, asyncio.run(make_shop(path))


@pytest.fixture
def shop(made: tuple[Path, dict[str, str]], tmp_path: Path) -> tuple[Path, dict[str, str]]:
    path, orders = made
    shutil.copytree(path, tmp_path / "shop")
    return tmp_path / "shop", orders


def test_a_directory_in_which_everything_happened_once_is_clean(shop: tuple[Path, dict[str, str]]) -> None:
    path, orders = shop
    laws = asyncio.run(audited(path))
    assert {name for name, law in laws.items() if not law.ok} == set()
    assert laws["owned"].numbers == {"orders": len(orders), "at_rest": len(orders) - 3, "owned": 3}
    assert laws["money"].numbers == {
        "rows": 9, "payments": len(orders) - 1, "captured_GBP": 5 * 4010, "refunded_GBP": 500 + 1200 + 4010,
        "captured_EUR": 4010, "refunded_EUR": 0,
    }  # fmt: skip
    numbers = laws["on hand"].numbers
    assert numbers == {
        "received": 200, "adjusted": -3, "set": -10, "shipped": 4, "returned": 1, "on_hand": 184,
    }  # fmt: skip
    on_hand, law = laws["on hand"].text.split(" = ")
    assert numbers[on_hand] == eval(law, {}, numbers)  # the text is true of its numbers as it stands


@pytest.mark.parametrize(
    ("file", "sql", "key", "laws"),
    [
        (MUG, SET.format("on_hand", 999), "stock:MUG", {"ledger", "on hand"}),
        (MUG, SET.format("reserved", 99), "stock:MUG", {"ledger", "stock"}),
        (MUG, "DELETE FROM history WHERE correlation = :key", "confirmed", {"ledger", "holds"}),
        (MUG, "DELETE FROM entity WHERE key = :key", "stock:MUG", {"ledger", "on hand"}),
        (MUG, SET.format("state", "'RELEASED'"), "hold:confirmed", {"holds", "confirmed"}),
        (TEA, SET.format("lines[0].quantity", 2), "hold:confirmed", {"holds", "confirmed"}),
        (MUG, SET.format("shipped[0].quantity", 2), "hold:returned", {"holds"}),
        (TEA, SET.format("state", "'HELD'"), "hold:cancelled", {"holds", "cancelled"}),
        ("payments-0", SET.format("captured", 5000), "confirmed", {"money", "bounds", "confirmed"}),
        ("payments-0", SET.format("captured", 0), "confirmed", {"money", "confirmed"}),
        ("payments-0", SET.format("refunded", 4011), "refunded", {"money", "bounds"}),
        ("payments-0", "DELETE FROM history WHERE correlation = :key", "refunded", {"money"}),
        ("payments-0", SET.format("refunded", 4000), "cancelled", {"money", "cancelled"}),
        ("payments-0", "DELETE FROM entity WHERE key = :key", "cancelled", {"money", "cancelled"}),
        ("orders-0", SET.format("amount", 4011), "confirmed", {"confirmed"}),
        ("orders-0", "DELETE FROM timer WHERE entity = :key", "unpaid", {"owned"}),
        ("orders-0", SET.format("state", "'PAYING'"), "refused", {"owned"}),
        ("payments-0", "DELETE FROM timer WHERE entity = :key", "pending", {"owned"}),
        ("payments-0", SET.format("refunds[0].status", "'WAITING'"), "refunded", {"effects"}),
        ("payments-0", SET.format("closing", "json('true')"), "confirmed", {"effects"}),
        ("orders-0", "DELETE FROM entity WHERE key = :key", "confirmed", {"orphans", "indexes"}),
        (
            "payments-0",
            SET.format("effect", """json('{"id": "eff_1", "operation": "refund"}')"""),
            "confirmed",
            {"effects"},
        ),
        ("orders-0", "DELETE FROM entity_index WHERE key = :key AND field = 'status'", "confirmed", {"indexes"}),
        (
            "orders-0",
            "UPDATE entity_index SET value = 'bob' WHERE key = :key AND value = 'ann'",
            "confirmed",
            {"indexes"},
        ),
        ("payments-0", "UPDATE inbox SET last = last + 5 WHERE sender = :key", "orders/0", {"messages"}),
        ("payments-0", "UPDATE inbox SET last = last - 5 WHERE sender = :key", "orders/0", {"messages"}),
        ("orders-0", "UPDATE stream SET next = next - 1 WHERE receiver = :key", "payments/0", {"messages"}),
        ("orders-0", "UPDATE stream SET next = next + 1 WHERE receiver = :key", "payments/0", {"messages"}),
    ],
)
def test_what_is_broken_by_hand_is_found(
    shop: tuple[Path, dict[str, str]], file: str, sql: str, key: str, laws: set[str]
) -> None:
    path, orders = shop
    prefix, _, name = key.rpartition(":")
    change(path, file, sql, key=f"{prefix}:{orders[name]}" if prefix == "hold" else orders.get(key, key))
    assert broken(path) == laws


@pytest.mark.parametrize("tree", ["death", "sqlite_autoindex_client_key_1"])
def test_an_overwritten_page_that_no_law_reads_is_found(shop: tuple[Path, dict[str, str]], tree: str) -> None:
    file = shop[0] / "orders-0.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        sql = "SELECT rootpage, (SELECT * FROM pragma_page_size) FROM sqlite_master WHERE name = ?"
        page, size = connection.execute(sql, (tree,)).fetchone()
    with file.open("r+b") as content:
        content.seek((page - 1) * size)
        content.write(b"\xff" * size)
    laws = asyncio.run(audited(shop[0]))
    assert {name for name, law in laws.items() if not law.ok} == {"files"}
    assert f"{file} is damaged: database disk image is malformed" in laws["files"].examples[0]


def test_an_index_that_is_behind_its_table_is_found(shop: tuple[Path, dict[str, str]]) -> None:
    def do(sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(shop[0] / "orders-0.sqlite", isolation_level=None)) as connection:
            connection.execute("PRAGMA writable_schema = ON")
            return connection.execute(sql, values).fetchall()

    (index,) = do("SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master WHERE name = 'timer_due'")
    do("DELETE FROM sqlite_master WHERE name = 'timer_due'")
    do("UPDATE timer SET due_ms = due_ms + 1")
    do("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", index)

    laws = asyncio.run(audited(shop[0]))
    assert {name for name, law in laws.items() if not law.ok} == {"files"}
    assert "row 1 missing from index timer_due" in laws["files"].examples[0]


def test_a_state_that_cannot_be_read_is_told_and_the_rest_is_still_judged(shop: tuple[Path, dict[str, str]]) -> None:
    path, orders = shop
    change(path, "payments-0", "UPDATE entity SET state = '{}' WHERE key = :key", key=orders["confirmed"])
    change(path, "dead_letters-0", "UPDATE entity SET state = '{}' WHERE key LIKE :key", key="dl_%")
    laws = asyncio.run(audited(path))
    unreadable = laws["readable"].examples
    assert len(unreadable) == 2 and unreadable[0].startswith("dl_") and unreadable[1].startswith(orders["confirmed"])
    assert laws["ledger"].ok


async def test_what_is_broken_is_told_beside_a_running_owner_too(
    shop: tuple[Path, dict[str, str]],
) -> None:
    path, orders = shop
    change(path, "orders-0", "UPDATE entity SET state = '{}' WHERE key = :key", key=orders["confirmed"])
    change(path, "payments-0", SET.format("captured", 5000), key=orders["refunded"])
    scratch = Scratch.__aenter__

    async def moves(self: Scratch) -> Scratch:
        """A turn is taken after the audit has begun."""
        change(path, "orders-0", "UPDATE meta SET value = value + 1 WHERE name = :key", key="turn")
        return await scratch(self)

    with patch.object(Scratch, "__aenter__", moves):
        laws = await audited(path)
    assert {name: law.breaches for name, law in laws.items() if not law.ok} == {
        "readable": 1, "orphans": 1, "money": 1, "bounds": 1, "confirmed": 1, "indexes": 3,
    }  # fmt: skip


def test_a_row_of_the_outbox_that_was_taken_and_kept_after_a_clean_stop_is_a_breach(
    shop: tuple[Path, dict[str, str]],
) -> None:
    path, _ = shop
    envelope = "json_array(json_array(next - 1, 'orders/0:1.0', 'ord_x', 0, json('{}'), 1, '', json('false'), ''))"
    change(
        path,
        "orders-0",
        "INSERT INTO outbox(receiver, lane, first, last, at_ms, envelopes)"
        f" SELECT receiver, lane, next - 1, next - 1, 0, {envelope} FROM stream WHERE receiver = :to",
        to="payments/0",
    )
    laws = asyncio.run(audited(path))
    assert {name for name, law in laws.items() if not law.ok} == {"messages"}
    assert "was taken, and kept" in laws["messages"].examples[0]


def test_many_breaches_are_counted_and_a_few_are_told(shop: tuple[Path, dict[str, str]]) -> None:
    path, _ = shop
    change(path, "orders-0", "DELETE FROM entity_index")
    law = asyncio.run(audited(path))["indexes"]
    assert law.breaches > EXAMPLES_MAX == len(law.examples)
    assert f"and {law.breaches - EXAMPLES_MAX} more" in str(law)
