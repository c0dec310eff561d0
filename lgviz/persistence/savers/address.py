"""Where a checkpoint is: what savers are told by LangGraph's configs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from langchain_core.runnables import RunnableConfig

from lgviz.errors import PersistenceError, ThreadNotFound

NULL_TASK_ID = "00000000-0000-0000-0000-000000000000"
"""The task id of writes that belong to a checkpoint and to no task."""


class Address(NamedTuple):
    """A thread, a namespace of it (None: any) and a checkpoint (None: the latest, or any)."""

    thread_id: str
    ns: str | None
    checkpoint_id: str | None

    def config(self) -> RunnableConfig:
        """As LangGraph writes it."""
        configurable = {
            "thread_id": self.thread_id,
            "checkpoint_ns": self.ns,
            "checkpoint_id": self.checkpoint_id,
        }
        return {"configurable": configurable}


def address(config: Mapping[str, Any] | None) -> Address:
    """The address in a config.

    Raises:
        ThreadNotFound: the config names no thread.
        PersistenceError: an id in it is a text that not all databases keep.
    """
    configurable = (config or {}).get("configurable") or {}
    thread_id = configurable.get("thread_id")
    if thread_id is None:
        raise ThreadNotFound(
            "The config names no thread_id.", 'Give one: config={"configurable": {"thread_id": "1"}}.'
        )
    ns = configurable.get("checkpoint_ns")
    checkpoint_id = configurable.get("checkpoint_id")
    return Address(
        _kept(str(thread_id)),
        None if ns is None else _kept(str(ns)),
        _kept(str(checkpoint_id)) if checkpoint_id else None,
    )


def _kept(text: str) -> str:
    if "\0" in text or (not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)):
        raise PersistenceError(f"The id {text!r} holds a NUL or half a surrogate pair.", "Give plain text.")
    return text
