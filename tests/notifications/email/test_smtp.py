"""E-mail against a real SMTP server that refuses, stalls and hangs up at every step."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from sagamore.actors.notifications.channel import Accepted, Outgoing, Refusal
from sagamore.actors.providers.smtp import SmtpEmail
from sagamore.engine.effect import Call, Declined, NotReached, Outcome, Succeeded, Unknown
from tests.notifications.contract.suite import eventually
from tests.notifications.email.server import ACCEPTED, GONE, STALL, MailServer


class Time:
    """Milliseconds that pass when told to."""

    now_ms = 0.0

    def __call__(self) -> float:
        return self.now_ms


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    server = MailServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def email(server: MailServer, time: Time) -> AsyncIterator[SmtpEmail]:
    email = channel(server, elapsed_ms=time)
    yield email
    await email.close()


def texts(server: MailServer) -> list[str]:
    return [message.get_content().replace("\r\n", "\n") for message in server.messages()]


def channel(server: MailServer, **settings: Any) -> SmtpEmail:
    return SmtpEmail("127.0.0.1", server.port, **{"sender": "shop@example.com", "tls": "none", **settings})


def outgoing(n: int = 1, **parts: str) -> Outgoing:
    rendered = {"subject": "Your order", "text": "Thank you\n.\nBye", **parts}
    return Outgoing(
        f"dlv_{n}", "ann", "ann@example.com", "ORDER_CREATED", "orders", tuple(rendered.items()), 1_700_000_000_000
    )


async def send(email: SmtpEmail, n: int = 1, **parts: str) -> Outcome:
    return await email.send(outgoing(n, **parts), Call("eff_1", "send", b"", f"dlv_{n}", "ntf_1", 1))


async def test_what_arrives_is_the_message_and_its_answer_names_it(server: MailServer, email: SmtpEmail) -> None:
    outcome = await send(email)
    assert isinstance(outcome, Succeeded)
    accepted = msgspec.json.decode(outcome.answer, type=Accepted)
    assert accepted == Accepted("<dlv_1@example.com>", ACCEPTED.removeprefix("250 "))
    (message,) = server.messages()
    assert (message["Subject"], texts(server)) == ("Your order", ["Thank you\n.\nBye\n"])
    assert server.recipients == ["ann@example.com"]


async def test_connections_are_kept_and_closed_with_a_word(server: MailServer, email: SmtpEmail) -> None:
    for n in range(20):
        assert isinstance(await send(email, n), Succeeded)
    assert (server.opened, email.statistics().opened, email.statistics().idle) == (1, 1, 1)
    assert server.commands == []
    await email.close()
    await eventually(lambda: not server.open, "the end of the connection")
    assert server.commands == ["QUIT"]
    assert await send(email) == NotReached(f"127.0.0.1:{server.port}: the e-mail channel is closed")


async def test_a_connection_is_renewed_after_so_many_messages(server: MailServer) -> None:
    email = channel(server, messages_max=5)
    for n in range(20):
        assert isinstance(await send(email, n), Succeeded)
    assert server.opened == 4
    await eventually(lambda: not server.open, "the end of the connections")
    await email.close()


async def test_a_connection_that_idled_too_long_is_not_used_again(
    server: MailServer, email: SmtpEmail, time: Time
) -> None:
    await send(email, 1)
    time.now_ms += 29_999
    await send(email, 2)
    assert server.opened == 1
    time.now_ms += 30_000
    assert isinstance(await send(email, 3), Succeeded)
    assert server.opened == 2
    await eventually(lambda: len(server.open) == 1, "the end of the first connection")


async def test_kept_connections_that_the_server_closed_are_replaced_and_no_message_fails(
    server: MailServer, email: SmtpEmail
) -> None:
    for closed_unseen in (True, False):
        await asyncio.gather(*(send(email, n) for n in range(8)))
        before = server.opened
        server.hang_up()
        if not closed_unseen:
            await eventually(lambda: not server.open, "the end of the connections")
        assert isinstance(await send(email, 100), Succeeded)
        assert server.opened == before + 1


async def test_a_kept_connection_that_says_421_is_replaced_and_a_new_one_that_does_is_not_reached(
    server: MailServer, email: SmtpEmail
) -> None:
    await send(email, 1)
    server.script({"MAIL": "421 4.4.2 Idle too long"})
    outcome = await send(email, 2)
    assert outcome == NotReached("MAIL FROM: 421 4.4.2 Idle too long")
    assert server.opened == 2
    server.script({})
    assert isinstance(await send(email, 2), Succeeded)
    assert len(server.taken) == 2


@pytest.mark.parametrize("step", ["GREETING", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("reply", ["421 4.7.0 Too many connections", "450 4.2.0 Greylisted", "452 4.3.1 Disk full"])
async def test_a_temporary_refusal_anywhere_is_not_reached_and_later_it_is_sent_once(
    server: MailServer, email: SmtpEmail, step: str, reply: str
) -> None:
    server.script({step: reply})
    outcome = await send(email)
    assert isinstance(outcome, NotReached) and reply in outcome.reason
    server.script({})
    assert isinstance(await send(email), Succeeded)
    assert len(server.taken) == 1


@pytest.mark.parametrize(("step", "then"), [("RCPT", ["RSET"]), ("DATA", ["RSET"])])
async def test_after_a_refusal_the_connection_starts_afresh_and_is_kept(
    server: MailServer, email: SmtpEmail, step: str, then: list[str]
) -> None:
    server.script({step: "550 5.7.1 Not wanted"})
    outcome = await send(email)
    assert isinstance(outcome, Declined)
    refusal = msgspec.json.decode(outcome.answer, type=Refusal)
    assert (refusal.code, refusal.dead_address) == ("smtp_550", False)
    assert refusal.message.endswith("550 5.7.1 Not wanted")
    server.script({})
    assert isinstance(await send(email), Succeeded)
    assert (server.opened, server.commands) == (1, then)


@pytest.mark.parametrize("step", ["GREETING", "MAIL", "RCPT"])
async def test_a_server_that_hangs_up_before_data_is_not_reached(
    server: MailServer, email: SmtpEmail, step: str
) -> None:
    server.script({step: GONE})
    assert isinstance(await send(email), NotReached)
    assert server.taken == []


async def test_a_server_that_hangs_up_after_the_dot_is_unknown(server: MailServer, email: SmtpEmail) -> None:
    await send(email, 1)
    server.script({"DATA": GONE})
    outcome = await send(email, 2)
    assert isinstance(outcome, Unknown) and outcome.reason.startswith("DATA: no answer")
    assert len(server.taken) == 2


async def test_patience_with_a_server_that_stalls_ends(server: MailServer) -> None:
    email = channel(server, patience_ms=50)
    server.script({"MAIL": STALL})
    outcome = await send(email)
    assert isinstance(outcome, NotReached) and "as far as DATA within 50 ms" in outcome.reason
    await email.close()


def lose_patience(email: SmtpEmail) -> None:
    """Now, and not by a clock that runs on while the machine is busy."""
    for patience in email._patient:
        patience.reschedule(0)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("step", ["GREETING", "MAIL", "RCPT"])
async def test_a_server_that_stalls_before_data_is_known_not_to_be_reached(
    server: MailServer, email: SmtpEmail, step: str, kept: bool
) -> None:
    if kept and step != "GREETING":
        await send(email, 0)
    server.script({step: STALL})
    task = asyncio.create_task(send(email))
    await eventually(lambda: server.stalled == 1, "the stall")
    lose_patience(email)
    assert isinstance(await task, NotReached)
    await eventually(lambda: not server.open, "the end of the connection")
    server.script({})
    assert isinstance(await send(email), Succeeded)


async def test_a_full_pool_is_known_not_to_be_reached(server: MailServer) -> None:
    email = channel(server, connections_max=1)
    server.script({"DATA": STALL})
    first = asyncio.create_task(send(email, 1))
    await eventually(lambda: server.stalled == 1, "the first message")
    second = asyncio.create_task(send(email, 2))
    await eventually(lambda: email.statistics().waiting == 1, "the second message")
    lose_patience(email)
    assert isinstance(await second, NotReached)
    assert email.statistics().waiting == 0
    server.script({})
    assert isinstance(await first, Succeeded)
    await email.close()


@pytest.mark.parametrize("step", ["GREETING", "MAIL", "RCPT", "DATA"])
async def test_a_send_that_is_cancelled_anywhere_cuts_its_connection_off(
    server: MailServer, email: SmtpEmail, step: str
) -> None:
    server.script({step: STALL})
    task = asyncio.create_task(send(email))
    await eventually(lambda: server.stalled == 1, "the stall")
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    await eventually(lambda: not server.open, "the end of the connection")
    statistics = email.statistics()
    assert (statistics.in_use, statistics.idle, statistics.waiting) == (0, 0, 0)
    server.script({})
    assert isinstance(await send(email, 2, text="Another"), Succeeded)
    assert texts(server) == ["Another\n"]


@pytest.mark.parametrize("step", ["GREETING", "MAIL", "RCPT", "DATA"])
async def test_closing_ends_a_send_at_any_step(server: MailServer, email: SmtpEmail, step: str) -> None:
    server.script({step: STALL})
    task = asyncio.create_task(send(email))
    await eventually(lambda: server.stalled == 1, "the stall")
    await email.close()
    assert isinstance(await asyncio.wait_for(task, 10), Unknown if step == "DATA" else NotReached)
    await eventually(lambda: not server.open, "the end of the connection")


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
async def test_a_line_end_in_a_subject_is_permanent_and_never_leaves(
    server: MailServer, email: SmtpEmail, end: str
) -> None:
    outcome = await send(email, subject=f"Hi{end}Bcc: bob@example.com")
    assert isinstance(outcome, Declined) and "header_injection" in outcome.answer
    assert server.opened == 0


async def test_an_address_that_nobody_checked_is_permanent_and_never_leaves(
    server: MailServer, email: SmtpEmail
) -> None:
    for address in ("ann@example.com> SIZE=1", "ann@example.com\r\nDATA", "ann@example.com,bob@example.com", "ann"):
        evil = replace(outgoing(), address=address)
        outcome = await email.send(evil, Call("eff_1", "send", b"", "k", "ntf_1", 1))
        assert isinstance(outcome, Declined) and "bad_address" in outcome.answer
    assert server.opened == 0


async def test_a_message_over_the_servers_size_is_permanent_before_it_is_sent(server: MailServer) -> None:
    email = channel(server)
    outcome = await send(email, text="x" * (512 << 10), html="=" * (512 << 10))
    assert isinstance(outcome, Succeeded)
    server.script({"MAIL": "552 5.3.4 Too large"})
    assert isinstance(await send(email), Declined)
    await email.close()
