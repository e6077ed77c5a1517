"""The client's address behind proxies."""

from ipaddress import ip_address


def client_address(peer, forwarded, trusted):
    """The right-most address that is not a trusted proxy.

    `peer` is the address of the connection, `forwarded` the content of X-Forwarded-For, to which each proxy appends
    its peer; anything left of the last untrusted address could be forged. `trusted` are networks.
    """
    address = _parsed(peer)
    for text in reversed(forwarded.split(",")):
        if address is None or not _is_in(address, trusted):
            break
        before = _parsed(text.strip())
        if before is None:
            break
        address = before
    return str(address) if address else peer


def network_of(address):
    """What counts as one client: an IPv4 address, or a /64 of IPv6, which is what one household gets."""
    parsed = _parsed(address)
    if parsed is None:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.__class__(int(parsed) >> 64 << 64))


def is_trusted(peer, trusted):
    """Whether the other end of this connection may report the client's address."""
    address = _parsed(peer)
    return address is not None and _is_in(address, trusted)


def _parsed(text):
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_in(address, networks):
    return any(address.version == network.version and address in network for network in networks)
