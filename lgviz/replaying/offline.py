"""No network, for as long as a pinned thread is replayed."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

__all__ = ["offline"]


@contextmanager
def offline() -> Iterator[list[str]]:
    """Refuse this process connections to other machines; it is given the hosts that were asked for.

    >>> import socket
    >>> with offline() as asked:
    ...     try:
    ...         socket.create_connection(("api.example.com", 443))
    ...     except OSError as error:
    ...         print(error)
    A pinned test has no network: api.example.com was asked for.
    >>> asked
    ['api.example.com']
    """
    asked: list[str] = []

    def refuse_far(host: Any) -> None:
        name = host.decode() if isinstance(host, bytes) else host
        if not _is_here(name):
            asked.append(name)
            raise OSError(f"A pinned test has no network: {name} was asked for.")

    def resolved(host: Any, *more: Any, **named: Any) -> Any:
        refuse_far(host)
        return resolve(host, *more, **named)

    def guarded(connect: Any) -> Any:
        def connected(self: socket.socket, address: Any) -> Any:
            if isinstance(address, tuple):  # else it is a path: a socket of this machine
                refuse_far(address[0])
            return connect(self, address)

        return connected

    resolve, kind = socket.getaddrinfo, socket.socket
    with (
        patch.object(socket, "getaddrinfo", resolved),
        patch.object(kind, "connect", guarded(kind.connect)),
        patch.object(kind, "connect_ex", guarded(kind.connect_ex)),
    ):
        yield asked


def _is_here(host: str | None) -> bool:
    """Whether a host is this machine."""
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False
