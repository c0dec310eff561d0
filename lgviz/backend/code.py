"""“Copy as Python”: the cell that does what was just done by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from lgviz.sources.langgraph.detect import without_password

__all__ = [
    "diff_code",
    "fork_code",
    "json_text",
    "literal",
    "memory_code",
    "name_of",
    "run_code",
    "select_code",
    "start_code",
    "store_name_of",
]

_WIDTH = 88
_IMPORT = "import lgviz\n\n"
_KEEP = "run.keep()  # or run.discard()\n"


def name_of(what: Any, variables: Mapping[str, Any], unknown: str = "graph") -> str:
    """The Python expression for a thing: a path itself, else the variable that holds it."""
    if isinstance(what, (str, Path)):
        return repr(without_password(str(what)))
    held_by = (name for name, value in variables.items() if value is what and not name.startswith("_"))
    return next(held_by, unknown)


def store_name_of(what: Any, subject: str) -> str:
    """The Python expression for the store of what is debugged, which ``subject`` stands for."""
    if isinstance(what, (str, Path)):
        kind = "PostgresStore" if "://" in str(what) else "SqliteStore"
        return f"lgviz.persistence.{kind}.from_conn_string({without_password(str(what))!r})"
    return f"{subject}.store"


def select_code(subject: str, thread_id: str, label: str) -> str:
    """Code that reads one checkpoint. ``subject`` is the Python expression of what is being debugged."""
    return f"{_history(subject, thread_id)}[{label!r}].values\n"


def diff_code(subject: str, thread_id: str, before: str, after: str) -> str:
    """Code that diffs two checkpoints, named by label."""
    return f"{_history(subject, thread_id)}.diff({before!r}, {after!r})\n"


def fork_code(
    subject: str,
    thread_id: str,
    label: str,
    values: Mapping[str, str],
    from_state: bool = False,
    *,
    as_node: str | None = None,
    goto: str | None = None,
    keep_siblings: bool = False,
    note: str | None = None,
    new_thread: str | None = None,
    config: Mapping[str, Any] | None = None,
    sandbox: bool = False,
) -> str:
    """Code that forks: ``values`` maps a channel to the code of its value, which speaks of ``values``, the
    state before, where ``from_state`` is set; in a sandbox it runs on there too."""
    entries = [f"{channel!r}: {text}" for channel, text in values.items()]
    body = "{" + "".join(f"\n        {entry}," for entry in entries) + ("\n    }" if entries else "}")
    named = _named(as_node=as_node, goto=goto, keep_siblings=keep_siblings or None, note=note, config=config)
    if new_thread and not sandbox:
        named += _named(new_thread=new_thread)
    before = f"values = {_bare(select_code(subject, thread_id, label))}" if from_state else ""
    imports = "".join(f"import {one}\n" for one in ("dataclasses", "datetime") if f"{one}." in body) + _IMPORT
    if not sandbox:
        called = _call("fork", subject, thread_id, [repr(label), body], named)
        return f"{imports}{before}{_bare(called)}"
    begun = f"{imports}{before}sandbox = lgviz.sandbox({subject}, {label!r}, thread_id={thread_id!r})\n"
    fork = _call("fork", "sandbox.graph", thread_id, [repr(label), body], named)
    more = ", ".join(["sandbox.graph", "fork", *_named(config=config)])
    return f"{begun}fork = {_bare(fork)}run = lgviz.run({more})\n{_KEEP}"


def run_code(
    subject: str,
    thread_id: str,
    label: str,
    *,
    resume: Any = None,
    only: str | None = None,
    steps: int | None = None,
    until: str | None = None,
    before: Sequence[str] = (),
    after: Sequence[str] = (),
    config: Mapping[str, Any] | None = None,
    sandbox: bool = False,
    reuse: bool | Mapping[str, Any] = False,
) -> str:
    """Code that runs on from a checkpoint, answering its interrupts with ``resume``; ``until`` is Python."""
    only = None if only == "all" else only
    named = [
        *_named(resume=resume, only=only, steps=steps),
        *([f"until={until}"] if until else []),
        *_named(before=list(before) or None, after=list(after) or None),
        *_named(sandbox=sandbox or None, reuse=reuse or None, config=config),
    ]
    called = _call("run", subject, thread_id, [repr(label)], named)
    return f"{_IMPORT}run = {_bare(called)}{_KEEP}" if sandbox else called


def start_code(
    subject: str,
    thread_id: str,
    given: str,
    *,
    at: str | None = None,
    context: str | None = None,
    config: Mapping[str, Any] | None = None,
    imports: Collection[str] = (),
) -> str:
    """Code that begins a thread, or its next turn: ``given`` and ``context`` are Python. ``at`` labels the
    checkpoint that the turn branches off; None: it goes on at the newest."""
    named = [*_named(config=config), *([f"context={context}"] if context is not None else [])]
    if at is None:
        called = _call("start", subject, thread_id, [given], named)
    else:
        called = _call("run", subject, thread_id, [repr(at), given], named)
    return "".join(f"{one}\n" for one in sorted(imports)) + f"{_IMPORT}run = {_bare(called)}"


def memory_code(
    store: str,
    act: str,
    namespace: Sequence[str],
    key: str | None = None,
    *,
    at: tuple[str, str, str] | None = None,
    awaits: bool = False,
    holding: str | None = None,
    **arguments: Any,
) -> str:
    """Code that reads or writes a store.

    Args:
        store: the Python expression of the store.
        act: the method: ``"get"``, ``"search"``, ``"history"``, ``"put"``, ``"delete"``.
        namespace: its first argument.
        key: its second, except of a search.
        at: subject, thread id and label of the checkpoint to read it as of; None: now.
        awaits: the store is asynchronous.
        holding: of the items found, those whose key or value holds this text.
        arguments: what else the method is given; None is left out.
    """
    lines = []
    if at is not None:
        subject, thread_id, label = at
        lines = [f"c = {_history(subject, thread_id)}[{label!r}]"]
        store = f"{store}.as_of(c)"
    value = arguments.pop("value", None)
    positional = [repr(tuple(namespace)), *([repr(key)] if key is not None else [])]
    positional += [literal(value, 4)] if value is not None else []
    parts = [*positional, *_named(**arguments)]
    flat = ", ".join(parts)
    if len(flat) + len(store) > _WIDTH or "\n" in flat:
        flat = "\n" + "".join(f"    {part},\n" for part in parts)
    if store.startswith("lgviz."):
        lines.insert(0, "import lgviz.persistence\n")
    call = f"{'await ' if awaits else ''}{store}.{'a' if awaits else ''}{act}({flat})"
    if holding is not None:
        found = f"{holding.lower()!r} in f'{{item.key}} {{item.value}}'.lower()"
        call = f"[\n    item\n    for item in {call}\n    if {found}\n]"
    lines.append(call)
    return "\n".join(lines).replace("c = import lgviz\n\n", "import lgviz\n\nc = ") + "\n"


def literal(value: Any, indent: int = 0) -> str:
    """A Python literal for a JSON value, broken over lines where it is long."""
    flat = _flat(value)
    if len(flat) + indent <= _WIDTH or not isinstance(value, (list, dict)) or not value:
        return flat
    pad = " " * (indent + 4)
    if isinstance(value, dict):
        rows = [f"{pad}{k!r}: {literal(v, indent + 4)},\n" for k, v in value.items()]
        return "{\n" + "".join(rows) + " " * indent + "}"
    return "[\n" + "".join(f"{pad}{literal(v, indent + 4)},\n" for v in value) + " " * indent + "]"


def json_text(value: Any) -> str:
    """Indented JSON of plain data."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def _flat(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {_flat(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flat, value)) + "]"
    return repr(value)


def _history(subject: str, thread_id: str) -> str:
    return f"import lgviz\n\nlgviz.history({subject}, thread_id={thread_id!r})"


def _named(**arguments: Any) -> list[str]:
    return [f"{name}={literal(value, 4)}" for name, value in arguments.items() if value is not None]


def _bare(code: str) -> str:
    return code.removeprefix(_IMPORT)


def _call(function: str, subject: str, thread_id: str, positional: list[str], named: list[str]) -> str:
    arguments = [subject, *positional, *named, f"thread_id={thread_id!r}"]
    return f"{_IMPORT}lgviz.{function}(\n" + "".join(f"    {a},\n" for a in arguments) + ")\n"
