"""Who the relay is, is checked, and who we are is told only under TLS; both are our set-up, so no message is lost."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
import trustme

from sagamore.actors.notifications.channel import Outgoing
from sagamore.actors.providers.smtp import SmtpEmail
from sagamore.engine.effect import Call, NotReached, Outcome, Succeeded
from tests.notifications.contract.suite import eventually, held
from tests.notifications.email.server import STALL, MailServer

OUTGOING = Outgoing(
    "dlv_1", "ann", "ann@example.com", "ORDER_CREATED", "orders", (("subject", "Hi"), ("text", "Hello")), 1_700_000_000
)  # fmt: skip
Tls = Literal["starttls", "implicit"]
pytestmark = [
    pytest.mark.parametrize("tls", ["starttls", "implicit"]),
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
]


async def send(email: SmtpEmail) -> Outcome:
    return await email.send(OUTGOING, Call("eff_1", "send", b"", "dlv_1", "ntf_1", 1))


@asynccontextmanager
async def relay(
    tls: Tls, tmp_path: Path, *, named: str = "127.0.0.1", trusted: bool = True, password: str = ""
) -> AsyncIterator[tuple[MailServer, SmtpEmail]]:
    """A relay with a certificate for `named`, and a channel that trusts its authority, or another one."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(named).configure_cert(context)
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = MailServer(tls=context, implicit=tls == "implicit", password=password)
    await server.start()
    email = SmtpEmail(
        "127.0.0.1", server.port, sender="shop@example.com", tls=tls, ca_file=str(tmp_path / "ca.pem"),
        username="shop" if password else "", password=password,
    )  # fmt: skip
    yield server, email
    await email.close()
    await server.stop()


async def test_a_message_goes_over_tls_and_the_connection_is_kept(tls: Tls, tmp_path: Path) -> None:
    async with relay(tls, tmp_path) as (server, email):
        for _ in range(3):
            assert isinstance(await send(email), Succeeded)
        assert (server.opened, len(server.taken)) == (1, 3)
        await email.close()
        await eventually(lambda: not server.open, "the end of the connection")


@pytest.mark.parametrize("wrong", [{"trusted": False}, {"named": "mail.example.com"}])
async def test_a_certificate_of_another_name_or_authority_is_not_reached(
    tls: Tls, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    async with relay(tls, tmp_path, password="right", **wrong) as (server, email):
        before = held()
        outcome = await send(email)
        assert isinstance(outcome, NotReached) and "certificate" in outcome.reason.lower()
        assert server.taken == []
        await eventually(lambda: held()[1] <= before[1], "the end of both sides' files")


async def test_a_user_with_the_right_password_may_send_and_one_without_is_not_reached(
    tls: Tls, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    async with relay(tls, tmp_path, password="right horse") as (server, email):
        assert isinstance(await send(email), Succeeded)
    async with relay(tls, tmp_path, password="wrong horse") as (server, email):
        server.password = "right horse"
        outcome = await send(email)
        assert isinstance(outcome, NotReached) and outcome.reason.endswith("was refused with 535")
        assert "horse" not in repr(outcome) + repr(email)
        assert not [record for record in caplog.records if record.name != "mail.log" and "horse" in record.getMessage()]
        assert server.taken == []


async def test_a_relay_without_tls_gets_no_message_and_no_password(tls: Tls, tmp_path: Path) -> None:
    async with relay(tls, tmp_path, password="right") as (server, email):
        await server.stop()
        server.tls, server.implicit = None, False
        await server.start()
        assert isinstance(await send(email), NotReached)
        assert server.taken == []


@pytest.mark.parametrize("step", ["GREETING", "RCPT", "DATA"])
async def test_a_stall_under_tls_leaves_nothing_behind(tls: Tls, tmp_path: Path, step: str) -> None:
    async with relay(tls, tmp_path) as (server, email):
        before = held()
        server.script({step: STALL})
        task = asyncio.create_task(send(email))
        await eventually(lambda: server.stalled == 1, "the stall")
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await eventually(lambda: not server.open, "the end of the connection")
        server.script({})
        assert isinstance(await send(email), Succeeded)
        await email.close()
        await eventually(lambda: all(map(int.__le__, held(), before)), "the end of all files and tasks")
