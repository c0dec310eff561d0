"""Turns of threads as cases that evaluation tools read: LangSmith, pydantic-evals, Inspect."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Unpack

from langchain_core.messages import BaseMessage, convert_to_openai_messages
from langgraph.constants import START

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import History
from lgviz.errors import InvalidValue, UnknownChannel, listed
from lgviz.sources import open_source
from lgviz.sources.base import ReadOptions, Source

from .plain import plain
from .sizes import counted

__all__ = ["to_cases"]

logger = logging.getLogger("lgviz.cases")

Names = str | Iterable[str]


@dataclass(frozen=True, slots=True)
class FinishedTurn:
    """What was asked in one turn of a thread and what came of it, as JSON can hold it."""

    thread_id: str
    label: str
    checkpoint_id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.thread_id}:{self.label}"

    @property
    def origin(self) -> dict[str, Any]:
        """Where it ended."""
        named = {"thread_id": self.thread_id, "checkpoint": self.label}
        return named | {"checkpoint_id": self.checkpoint_id}


def to_cases(
    source: Any,
    format: str = "langsmith",  # noqa: A002 - what it is called where such things are written
    threads: Names | None = None,
    *,
    inputs: Names | None = None,
    outputs: Names | None = None,
    **options: Unpack[ReadOptions],
) -> Any:
    """Stored threads as a dataset for an evaluation: a case for each turn that came to its end.

    Its inputs are the state that the turn began with, what was said before included, so that
    ``graph.invoke(inputs)`` asks the same on a new thread; its expected outputs are the state at its end.
    A turn that was done again on another branch, or corrected by an update, is one more case. Messages are in
    OpenAI's form, other values as in ``lgviz show --json``.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    >>> for case in lgviz.to_cases(graph, outputs="foo"):
    ...     print(case["metadata"]["checkpoint"], case["inputs"], case["outputs"])
    c3 {'foo': '', 'bar': []} {'foo': 'b'}
    c5 {'foo': '', 'bar': []} {'foo': 'b'}

    Args:
        source: a :class:`~lgviz.History`, or whatever :func:`lgviz.open_source` takes.
        format: which tool is to read it:

            * ``"langsmith"``: a list for ``Client.create_examples(dataset_name=…, examples=cases)``;
            * ``"pydantic-evals"``: a dict for ``Dataset.from_dict(cases)``; as JSON for ``Dataset.from_file``;
            * ``"inspect"``: a list of samples; a line of JSON each is what ``json_dataset`` reads. The input
              is the messages, the target the text of the last one; where there are none, both are JSON. All
              of both is in the sample's metadata.
        threads: which ones, by id; None: all, or the history's.
        inputs, outputs: the channels that are taken; None: all.
        **options: how the source is read (``redact``, ``trust``: see :func:`lgviz.open_source`).

    Raises:
        InvalidValue: there is no such format.
        UnknownChannel: no turn has such a channel.
        SourceError, ThreadNotFound: there is nothing to read.
    """
    if format not in _FORMATS:
        raise InvalidValue(f"There is no format {format!r}.", f"There are {listed(_FORMATS)}.")
    given = source.source if isinstance(source, History) else source
    opened = open_source(given, **options)
    try:
        if threads is None:
            own = isinstance(source, History)
            threads = [source.thread_id] if own else [each.thread_id for each in opened.threads()]
        turns: list[FinishedTurn] = []
        for thread_id in [threads] if isinstance(threads, str) else threads:
            with opened.sharing():
                turns += _turns(History(opened, str(thread_id)))
    finally:
        if not isinstance(given, Source):
            opened.close()
    for name, channels in (("inputs", inputs), ("outputs", outputs)):
        if channels is not None:
            turns = _only(turns, name, [channels] if isinstance(channels, str) else list(channels))
    return _FORMATS[format](turns)


def _only(turns: list[FinishedTurn], name: str, channels: list[str]) -> list[FinishedTurn]:
    """Turns with some channels of their inputs or outputs."""
    states = [getattr(turn, name) for turn in turns]
    if unknown := [channel for channel in channels if not any(channel in state for state in states)]:
        there = listed(dict.fromkeys(channel for state in states for channel in state))
        raise UnknownChannel(
            f"No turn has {listed(unknown)} in its {name}.", f"There are {there or 'no turns'}."
        )
    return [
        replace(turn, **{name: {channel: state[channel] for channel in channels if channel in state}})
        for turn, state in zip(turns, states, strict=True)
    ]


# ---------------------------------------------------------------- turns


def _turns(history: History) -> Iterator[FinishedTurn]:
    """The turns of a thread that came to their end, on every branch."""
    thread_id, without = history.source.shown(history.thread_id), 0
    for end in history:
        if not _is_end(end):
            continue
        path = history.path(end)
        begin = max((at for at, each in enumerate(path[:-1]) if each.source == "input"), default=-1)
        if begin < 0:
            without += 1
            continue
        asked = _asked(path[begin], path[begin + 1])
        yield FinishedTurn(thread_id, end.label, end.id, _state(asked, "input"), _state(end.values, "output"))
    if without:
        said = counted(without, "turn")
        logger.warning("%s of thread %r left out: what was given to it is not stored.", said, thread_id)


def _is_end(checkpoint: Checkpoint) -> bool:
    """Whether a turn ends there for good: what was done there again, or corrected, ends elsewhere."""
    if checkpoint.source == "input" or checkpoint.next:
        return False
    children = checkpoint.children
    return not children or any(child.source == "input" for child in children)


def _asked(begin: Checkpoint, first: Checkpoint) -> Any:
    """The state after the input was taken in; of an ``@entrypoint``, which has no such step, the input."""
    return first.values if first.nodes == (START,) else begin.stored.values.get(START)


def _state(values: Any, name: str) -> dict[str, Any]:
    """Values as JSON holds them, by channel; what is no state has one name."""
    made: dict[str, Any] = plain(_spoken(values if isinstance(values, Mapping) else {name: values}))
    return made


def _spoken(value: Any) -> Any:
    """A value with its messages in OpenAI's form, which has no ids: those are made up anew by each run."""
    if isinstance(value, BaseMessage):
        return convert_to_openai_messages([value])[0]
    if isinstance(value, Mapping):
        return {key: _spoken(each) for key, each in value.items()}
    return [_spoken(each) for each in value] if type(value) in (list, tuple) else value


# ---------------------------------------------------------------- formats


def _langsmith(turns: list[FinishedTurn]) -> list[dict[str, Any]]:
    return [{"inputs": t.inputs, "outputs": t.outputs, "metadata": t.origin} for t in turns]


def _pydantic_evals(turns: list[FinishedTurn]) -> dict[str, Any]:
    cases = [
        {"name": t.name, "inputs": t.inputs, "expected_output": t.outputs, "metadata": t.origin}
        for t in turns
    ]
    return {"name": "threads", "cases": cases}


def _inspect(turns: list[FinishedTurn]) -> list[dict[str, Any]]:
    return [
        {
            "id": turn.name,
            "input": [_for_inspect(each) for each in _chat(turn.inputs)] or json.dumps(turn.inputs),
            "target": _last_said(turn.outputs) or json.dumps(turn.outputs),
            "metadata": turn.origin | {"inputs": turn.inputs, "outputs": turn.outputs},
        }
        for turn in turns
    ]


def _chat(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The first channel that holds messages alone."""
    for value in state.values():
        if isinstance(value, list) and all(isinstance(m, dict) and m.get("role") in _ROLES for m in value):
            if value:
                return value
    return []


_ROLES = {"user", "assistant", "system", "tool"}


def _for_inspect(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message in Inspect's form: of a tool call it knows the function, with arguments that are no text."""
    made = {key: message[key] for key in ("role", "content", "tool_call_id") if key in message}
    if message["role"] == "tool" and "name" in message:
        made["function"] = message["name"]
    if calls := message.get("tool_calls"):
        made["tool_calls"] = [
            {
                "id": call["id"],
                "function": call["function"]["name"],
                "arguments": json.loads(call["function"]["arguments"]),
                "type": "function",
            }
            for call in calls
        ]
    return made


def _last_said(state: Mapping[str, Any]) -> str:
    content = next((m["content"] for m in reversed(_chat(state)) if m["role"] == "assistant"), "")
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


_FORMATS: dict[str, Callable[[list[FinishedTurn]], Any]] = {
    "langsmith": _langsmith,
    "pydantic-evals": _pydantic_evals,
    "inspect": _inspect,
}
