"""What a task raised: text for LangGraph, the exception and its traceback for lgviz."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.serde.types import ERROR

from lgviz.errors import printed

from .trust import Placeholder

LONGEST = 100_000
"""Characters that are kept of a traceback, half of them its beginning and half its end."""


@dataclass(frozen=True, slots=True)
class StoredError:
    """What a task raised, as a saver keeps it.

    LangGraph's savers keep the text alone, lgviz's all of it. LangGraph is given the text by either.

    Attributes:
        text: the exception's ``repr``; LangGraph's ``task.error``.
        exception: the exception, without traceback, cause and context. None where only text was kept, or the
            exception holds what cannot be kept; a :class:`Placeholder` where its class is not built.
        traceback: as Python prints it, cause and context included; empty where none was kept.

    >>> from lgviz.persistence import StoredError
    >>> error = StoredError.of(ValueError("no"))
    >>> error.text, error.exception
    ("ValueError('no')", ValueError('no'))
    """

    text: str
    exception: Any = None
    traceback: str = ""

    @property
    def stopped(self) -> bool:
        """Whether the task was cancelled, as where a sibling failed or its run was stopped, or interrupted
        from the keyboard. It did not fail by itself, and runs again where its step is resumed."""
        return self.text.startswith(("CancelledError(", "KeyboardInterrupt("))

    @classmethod
    def of(cls, value: Any) -> StoredError:
        """From whatever a saver, of this version or an older one, gives for a task's error."""
        if isinstance(value, StoredError):
            return value
        if isinstance(value, BaseException):
            return cls(_repr(value), value, _printed(value))
        if isinstance(value, Placeholder):
            return cls(_repr_of_placeholder(value), value)
        return cls(value if isinstance(value, str) else repr(value))


def error_as_text(channel: str, value: Any) -> Any:
    """A write as LangGraph is given it: a task's error as text, any other as it is."""
    if channel == ERROR and isinstance(value, (StoredError, BaseException, Placeholder)):
        return StoredError.of(value).text
    return value


def _repr(error: BaseException) -> str:
    try:
        return repr(error)
    except Exception:  # its own code, which must not hide that it was raised
        return f"{type(error).__name__}(...)"


def _printed(error: BaseException) -> str:
    if error.__traceback__ is None:
        return ""
    text = printed(error)
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]}\n[...]\n{text[-LONGEST // 2 :]}"
    return text


def _repr_of_placeholder(error: Placeholder) -> str:
    """As ``repr`` of an exception is made, of one whose class is not built."""
    args = error.get("value")
    given = ", ".join(map(repr, args)) if isinstance(args, Sequence) else repr(args)
    return f"{error.type.rpartition('.')[2]}({given})"
