"""The webhook channel: an event as JSON, posted to a URL of the user's.

    {"type": "ORDER_SHIPPED", "id": "dlv_…", "timestamp": "2026-03-01T12:00:00.000Z", "userId": "ann", "version": 1,
     "data": {"order_id": "ord_…", "tracking": "JD014600"}}

A URL is read by a grammar of its own that is narrower than every URL parser's, so that no two of them can disagree
about where it leads. What its host's name leads to is checked at each connection, by the provider.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

import msgspec

from sagamore.actors.notifications.channel import Channel, Outgoing
from sagamore.actors.notifications.channels.networks import IPAddress, Networks
from sagamore.actors.notifications.errors import BadAddress

URL_CHARACTERS_MAX = 2_000
HOST_CHARACTERS_MAX = 253
WEB_PORTS = frozenset({80, 443})
PORT_MIN = 1024  # the web's ports aside: below it are mail, telnet and the like, which a POST can be made to speak to
PORT_MAX = 65_535

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>[/?][!$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]*)?",
    re.IGNORECASE | re.ASCII,
)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_USER = re.compile(r"//[^/?#]*@")


class WebhookChannel(Channel, name="webhook"):
    """Https to public addresses; http too with `allow_http`; with `allowed_networks` to those networks too, and to
    names that only a local network knows. Raises InvalidInput for a text that is no network."""

    def __init__(self, *, allow_http: bool = False, allowed_networks: Iterable[str] = ()) -> None:
        self.allow_http = allow_http
        self.networks = Networks(allowed_networks)

    def check_address(self, address: str) -> str:
        """The URL, its scheme and host in lower case. Raises BadAddress."""
        scheme = "https:// or http://" if self.allow_http else "https://"
        if len(address) > URL_CHARACTERS_MAX:
            raise BadAddress(self.name, address, f"a URL of at most {URL_CHARACTERS_MAX} characters would be right")
        if _USER.search(address):
            shown = _USER.sub("//…@", address)
            raise BadAddress(self.name, shown, "a URL without user and password would be right: it is signed instead")
        url = _URL.fullmatch(address)
        if url is None or (url["scheme"].lower() == "http" and not self.allow_http):
            expected = f"a URL that begins with {scheme}, in ASCII (a host as xn--…, other text as %C3%A9), without #"
            raise BadAddress(self.name, address, f"{expected} would be right")
        self._check_host(address, url["host"].lower())
        port = url["port"]
        if port is not None and int(port) not in WEB_PORTS and not PORT_MIN <= int(port) <= PORT_MAX:
            raise BadAddress(self.name, address, f"port 443, 80 or one from {PORT_MIN} to {PORT_MAX} would be right")
        return f"{url['scheme'].lower()}://{url['host'].lower()}{f':{port}' if port else ''}{url['rest'] or ''}"

    def _check_host(self, address: str, host: str) -> None:
        try:
            literal = _literal(host)
        except ValueError as error:
            raise BadAddress(
                self.name, address, f"a host as example.com or 192.0.2.1 would be right: {error}"
            ) from error
        if literal is not None:
            if not self.networks.admit(literal):
                raise BadAddress(self.name, address, f"a public host would be right: {literal} is not")
        elif len(host) > HOST_CHARACTERS_MAX or not all(map(_LABEL.fullmatch, host.split("."))):
            raise BadAddress(self.name, address, "a host as example.com would be right")
        elif not self.networks.allowed and ("." not in host or host.endswith(".localhost")):
            raise BadAddress(self.name, address, f"a public host would be right: {host} is not")


def _literal(host: str) -> IPAddress | None:
    """The address that a host is, None if it is a name. ValueError for what some resolvers take for an address, such
    as 127.1, 0177.0.0.1 and 0x7f000001: every host that ends in a number."""
    if host.startswith("["):
        return IPv6Address(host[1:-1])
    return IPv4Address(host) if _NUMBER.fullmatch(host.rpartition(".")[2]) else None


def receiver_of(address: str) -> str:
    """Host and port of a checked URL, as they stand in it."""
    return re.split("[/?]", address, maxsplit=3)[2]


def body_of(outgoing: Outgoing) -> bytes:
    """What is posted: the same bytes at every attempt. Raises ValueError for data that is not an object."""
    data: dict[str, object] = msgspec.json.decode(outgoing.data or "{}", type=dict[str, object])
    version = str(data.pop("type", "")).rpartition("/")[2]
    return msgspec.json.encode(
        {
            "type": outgoing.event_type, "id": outgoing.delivery, "timestamp": _rfc3339(outgoing.created_ms),
            "userId": outgoing.user_id, "version": int(version) if version.isdecimal() else 1, "data": data,
        }
    )  # fmt: skip


def _rfc3339(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
