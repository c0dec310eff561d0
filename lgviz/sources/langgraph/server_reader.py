"""One connection of our own to a database server, made when it is needed and made anew where it was lost."""

from __future__ import annotations

import threading
import weakref
from abc import abstractmethod
from contextlib import suppress
from typing import Any, ClassVar

from lgviz.errors import LgvizError
from lgviz.sources.connections import ReadConnection, Rows, Statement

__all__ = ["ServerReader"]


class ServerReader(ReadConnection):
    """Reads on one connection, which is made when first needed, kept for the next read, and made anew where
    it was lost: an idle one is cut by restarts, proxies and firewalls.

    It works through a driver's module (PEP 249), which a subclass imports.
    """

    _driver_error: ClassVar[type[Exception]]
    """What the driver raises."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[Any] = []
        weakref.finalize(self, _close, self._kept, self._driver_error)

    def read(self, *statements: Statement) -> list[Rows]:
        with self._lock:
            fresh = not self._kept
            try:
                return self._on_kept(statements)
            except self._driver_error as error:
                if fresh or not self._is_lost(error):
                    raise self._explained(error) from error
            _close(self._kept, self._driver_error)
            try:
                return self._on_kept(statements)
            except self._driver_error as error:
                raise self._explained(error) from error

    def close(self) -> None:
        with self._lock:
            _close(self._kept, self._driver_error)

    def _on_kept(self, statements: tuple[Statement, ...]) -> list[Rows]:
        if not self._kept:
            self._kept.append(self._connect())
        return self._select(self._kept[0], statements)

    @abstractmethod
    def _connect(self) -> Any:
        """A connection on which the server refuses any write."""

    @abstractmethod
    def _select(self, connection: Any, statements: tuple[Statement, ...]) -> list[Rows]:
        """The rows of each statement, all of one moment."""

    @abstractmethod
    def _is_lost(self, error: Exception) -> bool:
        """Whether the kept connection can be used no more."""

    @abstractmethod
    def _explained(self, error: Exception) -> LgvizError:
        """What to say of an error of the driver's."""


def _close(kept: list[Any], error: type[Exception]) -> None:
    while kept:
        with suppress(error):
            kept.pop().close()
