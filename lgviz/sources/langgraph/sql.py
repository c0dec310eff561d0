"""How LangGraph's PostgreSQL tables keep a checkpoint; ``?`` stands for parameters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["BLOBS", "CHANNELS", "HEADS", "assembled"]


def _object(key: str) -> str:
    """A part of a checkpoint that should be a JSON object; null where it is something else."""
    return f"CASE jsonb_typeof(checkpoint -> '{key}') WHEN 'object' THEN checkpoint -> '{key}' END"


HEADS = f"""
SELECT checkpoint_id,
    CASE jsonb_typeof(checkpoint) WHEN 'object' THEN (checkpoint - 'channel_values')::text END,
    (SELECT jsonb_object_agg(key, CASE WHEN ?::text[] IS NULL OR key = ANY(?) THEN value END)::text
        FROM jsonb_each({_object("channel_values")}))
FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ANY(?)"""
"""Bookkeeping and the values that are inlined; of other channels than the named (null: of all) only that they
are. Takes the names twice, the thread, the namespace and the ids."""

_HELD = f"""
FROM checkpoints c CROSS JOIN LATERAL jsonb_each_text({_object("channel_versions")}) held
JOIN checkpoint_blobs b ON (b.thread_id, b.checkpoint_ns, b.channel, b.version)
    = (c.thread_id, c.checkpoint_ns, held.key, held.value)
WHERE c.thread_id = ? AND c.checkpoint_ns = ? AND checkpoint_id = ANY(?) AND b.type <> 'empty'"""
CHANNELS = f"SELECT checkpoint_id, b.channel, b.type, NULL {_HELD}"
"""The channels that have a blob. Takes the thread, the namespace and the ids."""
BLOBS = f"""SELECT checkpoint_id, b.channel, b.type,
    CASE WHEN ?::text[] IS NULL OR b.channel = ANY(?) THEN b.blob END {_HELD}"""
"""The same with the blobs. Takes what :data:`HEADS` does."""


def assembled(
    heads: Sequence[tuple[Any, ...]], blobs: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[str, dict[str, Any] | None, dict[str, tuple[str, Any]]]]:
    """Of the rows of these statements, by checkpoint id: its bookkeeping (None where that is no JSON object),
    and each value as its serializer's type and blob, or as ``decoded`` and the value."""
    values: dict[str, dict[str, tuple[str, Any]]] = {}
    for id_, _, inlined in heads:
        held = json.loads(inlined) if inlined else {}
        values[id_] = {name: ("decoded", value) for name, value in held.items()}
    for id_, channel, type_, blob in blobs:
        values[id_][channel] = (type_, blob)  # a delta's snapshot lies behind an inlined `true`
    for id_, head, _ in heads:
        yield id_, None if head is None else json.loads(head), values[id_]
