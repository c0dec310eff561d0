"""What stands for a value whose class is gone or not trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Placeholder(Mapping[str, Any]):
    """A stored value whose class cannot be built. Behaves as the mapping it holds, and is stored as it was.

    Attributes:
        type: module and name of the class.
        reason: why it is not built.
        code, payload: the stored bytes; they are written again unchanged.
    """

    __slots__ = ("_state", "code", "payload", "reason", "type")

    def __init__(self, type: str, reason: str, state: Mapping[str, Any], code: int, payload: bytes) -> None:
        self.type = type
        self.reason = reason
        self._state = dict(state)
        self.code = code
        self.payload = payload

    def __getitem__(self, key: str) -> Any:
        return self._state[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._state)

    def __len__(self) -> int:
        return len(self._state)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Placeholder):
            return (self.type, self.code, self.payload) == (other.type, other.code, other.payload)
        return NotImplemented

    def __hash__(self) -> int:
        return hash((self.type, self.payload))

    def __repr__(self) -> str:
        return f"<placeholder of {self.type} {self._state!r}: {self.reason}>"
