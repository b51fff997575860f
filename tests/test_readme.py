"""README tells the truth: its programs run, and its commands, files and targets are there."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from sagamore.__main__ import main
from sagamore.doors.audiences import Audiences
from sagamore.doors.dead_letters import DeadLetters
from sagamore.doors.inbox import Inboxes
from sagamore.doors.inventory import Inventory
from sagamore.doors.notifications import Notifications
from sagamore.doors.orders import Orders
from sagamore.doors.payments import Payments
from sagamore.doors.users import Users
from sagamore.shop import Shop

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROSE = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
SPANS = re.findall(r"`([^`\n]+)`", PROSE)
EMBEDDING, TELLING, ACTOR, ACTOR_TEST, CHANNEL = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
TIMEOUT_S = 30


def program(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    """Run it as a reader would: a file in a folder of its own."""
    (folder / "program.py").write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-W", "error", "program.py"],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=TIMEOUT_S,
        check=False,
    )  # fmt: skip


def test_the_twenty_lines_place_an_order_that_is_paid_and_tell_its_story(tmp_path: Path) -> None:
    for _ in range(2):  # the same keys: the same order
        done = program(tmp_path, EMBEDDING)
        assert (done.returncode, done.stderr) == (0, "")
        status, *story = done.stdout.splitlines()
        assert status == "CONFIRMED PAID"
        assert "orders.place" in story[0]
        assert story[-1].endswith("CONFIRMED (B2)")
        assert sum("reserved_change" in line for line in story) == 1
    assert (tmp_path / "shop" / "sagamore.json").exists()


def test_a_user_is_told_of_an_event_of_the_hosts_own(tmp_path: Path) -> None:
    for _ in range(2):  # the same key: told once
        done = program(tmp_path, TELLING)
        assert (done.returncode, done.stdout, done.stderr) == (0, "SENT Your parcel is at no. 7\n", "")


def test_the_channel_sends_in_a_shop_and_refuses_what_is_no_address(tmp_path: Path) -> None:
    shop = """
import asyncio
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from sagamore import Event, NotificationSettings, Sagamore, Settings


class Client:
    async def post(self, address, text, *, key):
        print(address, text)
        return SimpleNamespace(id=key)


async def main():
    template = Path("own/ORDER_SHIPPED/en/chat.text.txt")
    template.parent.mkdir(parents=True)
    template.write_text("{{ order_id }} has left")
    settings = Settings(notifications=NotificationSettings(templates=("own",)))
    async with Sagamore.open("shop/", settings, channels=[Chat(Client())]) as shop:
        try:
            await shop.users.set("ann", addresses=[("chat", "sales")])
        except BadAddress as error:
            print(error)
        await shop.users.set("ann", addresses=[("chat", "#sales")])
        event = Event(
            event_type="ORDER_SHIPPED", user_id="ann", channels=("chat",), data={"order_id": "ord_1"}
        )
        told = await shop.notifications.publish(event)
        told = await shop.notifications.wait(told.id, timeout=timedelta(seconds=10))
        print(told.deliveries[0].status)


asyncio.run(main())
"""
    done = program(tmp_path, "\n".join((CHANNEL, shop)))
    refused, posted, status = done.stdout.splitlines()
    assert (refused, posted, status) == (
        "chat address is 'sales'; a room, as #sales", "#sales ord_1 has left", "SENT"
    )  # fmt: skip


def test_a_program_without_an_event_loop_opens_a_shop_as_it_says(tmp_path: Path) -> None:
    (opening,) = re.findall(r"`(with sagamore\.blocking\.open\(.*?\) as shop)`", PROSE)
    text = f"import sagamore\nfrom sagamore import SimulatedPayments\n\n{opening}:\n    print(shop.health().status)\n"
    done = program(tmp_path, text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "GREEN\n", "")


def test_the_actor_passes_the_test_beside_it_and_works_in_a_shop(tmp_path: Path) -> None:
    opening, asking = re.findall(r"`(?:await )?((?:Sagamore\.open|shop\.ask)\(.*?\))`", PROSE)
    shop = f"""
import asyncio
from datetime import timedelta
from sagamore import Line, Money, Sagamore, SimulatedPayments


async def main():
    async with {opening[:-1]}, payments=SimulatedPayments()) as shop:
        assert await {asking} == Card(3)
        await shop.inventory.receive("MUG", 1, reason="delivery")
        order = await shop.orders.place(user_id="ann", lines=[Line("MUG", 1, Money(5, "GBP"))], payment_method="pm")
        await shop.orders.wait(order.id, timeout=timedelta(seconds=10))
        async with asyncio.timeout(10):
            while await shop.read("loyalty", "ann") != Card(8):
                await asyncio.sleep(0.01)


asyncio.run(main())
print("done")
"""
    done = program(tmp_path, "\n".join((ACTOR, ACTOR_TEST, shop)))
    assert (done.stdout, done.stderr) == ("done\n", "")


def commands() -> Iterator[tuple[str, ...]]:
    """All that README names, with what stands under each."""
    section = PROSE.partition("## The command line")[2].partition("\n## ")[0]
    for row in re.findall(r"^\| (`.*?) \|", section, flags=re.MULTILINE):
        for command, below in re.findall(r"`([a-z-]+)(?: ([a-z/-]+))?[^`]*`", row):
            yield from ((command, word) for word in below.split("/")) if below else [(command,)]
    for span in SPANS:
        if found := re.match(r"sagamore ([a-z][a-z-]*)", span):
            yield (found[1],)


def test_what_a_host_calls_is_told_in_full() -> None:
    told = dict(re.findall(r"^\| `(shop(?:\.\w+)?)` \| (.*) \|$", README, flags=re.MULTILINE))
    doors = {"shop": Shop} | {
        f"shop.{name}": door
        for name, door in {
            "orders": Orders, "inventory": Inventory, "payments": Payments, "notifications": Notifications,
            "users": Users, "audiences": Audiences, "inbox": Inboxes, "dead_letters": DeadLetters,
        }.items()
    }  # fmt: skip
    assert {name: re.findall(r"`(\w+)`", calls) for name, calls in told.items()} == {
        name: [call for call in vars(door) if not call.startswith("_")] for name, door in doors.items()
    }


def test_the_command_line_is_told_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    there = set(re.findall(r"^    ([a-z][a-z-]+)", capsys.readouterr().out, flags=re.MULTILINE))
    assert {command for command, *_ in commands()} == there


@pytest.mark.parametrize("words", sorted(set(commands())), ids=" ".join)
def test_a_command_of_readme_exists(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--help"]) == 0
    assert f"sagamore {' '.join(words)}" in capsys.readouterr().out


def paths() -> Iterator[str]:
    """Every file and folder that README names; in the source tour a bare name lies beside the path before it."""
    yield from (name for name in SPANS if re.fullmatch(r"(?!shop/)[\w.-]+/[\w./-]*", name))
    yield from re.findall(r"\]\(([^)]+)\)", PROSE)
    for step in re.findall(r"^\d\. (.*(?:\n   .*)*)", PROSE.partition("## Source tour")[2], flags=re.MULTILINE):
        folder = ""
        for name in re.findall(r"`([^`]+)`", step):
            if "/" in name:
                folder = name.rpartition("/")[0]
            elif folder:
                yield f"{folder}/{name if name.endswith('.py') else name + '.py'}"


@pytest.mark.parametrize("path", sorted(set(paths())))
def test_a_path_of_readme_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:^    |`)make ([a-z]+)", PROSE, flags=re.MULTILINE))))
def test_a_target_of_readme_is_in_the_makefile(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("module", sorted(set(re.findall(r"`python -m ([\w.]+)", PROSE))))
def test_a_module_of_readme_can_be_run(module: str) -> None:
    assert find_spec(f"{module}.__main__") is not None
