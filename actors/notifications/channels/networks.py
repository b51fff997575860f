"""Which IP addresses may be called from inside a composition on behalf of somebody who only named them: those of the
public Internet, and those it allows by name.

An IPv6 address that carries an IPv4 one (mapped, 6to4, NAT64) is judged as that. What is public is listed here, from
IANA's special-purpose registries, since `ipaddress.is_global` has changed between patch releases of Python.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from sagamore.engine.errors import InvalidInput

IPAddress = IPv4Address | IPv6Address

_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/3",
        ),
    )
)  # fmt: skip
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
_NAT64 = IPv6Network("64:ff9b::/96")


class Networks:
    """The public Internet and `allowed`, as ("10.1.0.0/16", "fd00::/8"). Raises InvalidInput for a text that is no
    network."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self.allowed: list[IPv4Network | IPv6Network] = []
        for text in allowed:
            try:
                self.allowed.append(ip_network(text))
            except ValueError as error:
                raise InvalidInput("allowed_networks", text, f"a network as 10.1.0.0/16 is ({error})") from error

    def admit(self, address: IPAddress) -> bool:
        """Whether it may be called."""
        if any(address in network for network in self.allowed):
            return True
        if isinstance(address, IPv4Address):
            return not any(address in network for network in _NOT_PUBLIC_4)
        carried = _carried(address)
        if carried is not None:
            return self.admit(carried)
        return address in _GLOBAL_UNICAST and not any(address in network for network in _NOT_PUBLIC_6)


def _carried(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
