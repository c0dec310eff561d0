"""Turns of threads as cases that evaluation tools read: LangSmith, pydantic-evals, Inspect."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Unpack

from langchain_core.messages import AIMessage, BaseMessage, convert_to_openai_messages
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
    """What was asked in one turn of a thread and what came of it, as plain data that JSON can hold."""

    thread_id: str
    label: str
    checkpoint_id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    tool_calls: list[dict[str, Any]]

    @property
    def name(self) -> str:
        return f"{self.thread_id}:{self.label}"

    @property
    def metadata(self) -> dict[str, Any]:
        """Where it ended, and which tools were called on the way."""
        return {
            "thread_id": self.thread_id,
            "checkpoint": self.label,
            "checkpoint_id": self.checkpoint_id,
            "tool_calls": self.tool_calls,
        }


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
    A turn that was done again on another branch is one more case; one that an update corrected ends with
    that. A turn that failed, or waits for an answer, is none. What was answered is not among the inputs.
    Messages are in OpenAI's form, other values as in ``lgviz show --json``. A case's metadata says
    ``thread_id``, ``checkpoint`` (the label) and ``checkpoint_id`` of the turn's end, and its ``tool_calls``
    (``name`` and ``args`` of each) in order.

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
            * ``"pydantic-evals"``: a dict for ``Dataset.from_dict(cases)``, as JSON for ``from_file``;
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
    turns = _read(source, threads, options)
    for name, channels in (("inputs", inputs), ("outputs", outputs)):
        if channels is not None:
            turns = _only(turns, name, [channels] if isinstance(channels, str) else list(channels))
    return _FORMATS[format](turns)


def _read(source: Any, threads: Names | None, options: ReadOptions) -> list[FinishedTurn]:
    """The turns of a history, or of all threads of a source."""
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
        return turns
    finally:
        if not isinstance(given, Source):
            opened.close()


def _only(turns: list[FinishedTurn], name: str, channels: list[str]) -> list[FinishedTurn]:
    """Turns with some channels of their inputs or outputs."""
    states = [getattr(turn, name) for turn in turns]
    if unknown := [channel for channel in channels if not any(channel in state for state in states)]:
        there = listed(dict.fromkeys(channel for state in states for channel in state))
        raise UnknownChannel(
            f"No turn has {listed(unknown)} in its {name}.", f"There are {there or 'no turns'}."
        )
    chosen: list[Any] = [
        {name: {channel: state[channel] for channel in channels if channel in state}} for state in states
    ]
    return [replace(turn, **fields) for turn, fields in zip(turns, chosen, strict=True)]


# ---------------------------------------------------------------- turns


def _turns(history: History) -> Iterator[FinishedTurn]:
    """The turns of a thread that came to their end, on every branch."""
    thread_id, without = history.shown_id, 0
    for end in history:
        if not _is_end(end):
            continue
        begin = next((each for each in reversed(history.path(end)) if _is_begin(each)), None)
        if begin is None:
            without += 1
            continue
        # A function's turn has no step that takes the input in: it is stored under START until it is done.
        asked = begin.values if begin.nodes == (START,) else begin.stored.values.get(START)
        came = end.values
        yield FinishedTurn(
            thread_id,
            end.label,
            end.id,
            _state(asked, "input"),
            _state(came, "output"),
            _called(asked, came),
        )
    if without:
        said = counted(without, "turn")
        logger.warning("%s of thread %r left out: no input to begin with is stored.", said, thread_id)


def _is_end(checkpoint: Checkpoint) -> bool:
    """Whether a turn ends there for good: what was done there again, or corrected, ends elsewhere."""
    children = checkpoint.children
    if checkpoint.source == "input" or checkpoint.next:
        return False
    return not children or any(map(_is_begin, children))


def _is_begin(checkpoint: Checkpoint) -> bool:
    """Whether a turn's input is given or was just taken in there, also by an update in its place."""
    return checkpoint.source == "input" or checkpoint.nodes == (START,)


def _called(before: Any, after: Any) -> list[dict[str, Any]]:
    """The tool calls of the messages that a turn added; what is masked whole is none."""
    known = {message.id for message in _answers(before)}
    added = [call for each in _answers(after) if each.id not in known for call in each.tool_calls]
    return [
        {"name": call["name"], "args": plain(call["args"])} for call in added if isinstance(call, Mapping)
    ]


def _answers(values: Any) -> Iterator[AIMessage]:
    """What a model said, in any channel."""
    for value in values.values() if isinstance(values, Mapping) else [values]:
        yield from (each for each in value if isinstance(each, AIMessage)) if isinstance(value, list) else ()


def _state(values: Any, name: str) -> dict[str, Any]:
    """Values as JSON holds them, by channel; what is no state has one name."""
    made: dict[str, Any] = plain(_spoken(values if isinstance(values, Mapping) else {name: values}))
    return made


def _spoken(value: Any) -> Any:
    """A value with its messages in OpenAI's form, which has no ids: those are made up anew by each run."""
    if isinstance(value, BaseMessage):
        try:
            return convert_to_openai_messages([value])[0]
        except (ValueError, TypeError):  # a RemoveMessage, or a message of which a part is masked
            return value
    if isinstance(value, Mapping):
        return {key: _spoken(each) for key, each in value.items()}
    return [_spoken(each) for each in value] if type(value) in (list, tuple) else value


# ---------------------------------------------------------------- formats


def _langsmith(turns: list[FinishedTurn]) -> list[dict[str, Any]]:
    # Every version of the client knows "outputs"; an old one would drop "reference_outputs".
    return [{"inputs": t.inputs, "outputs": t.outputs, "metadata": t.metadata} for t in turns]


def _pydantic_evals(turns: list[FinishedTurn]) -> dict[str, Any]:
    cases = [
        {"name": t.name, "inputs": t.inputs, "expected_output": t.outputs, "metadata": t.metadata}
        for t in turns
    ]
    return {"name": "threads", "cases": cases}


def _inspect(turns: list[FinishedTurn]) -> list[dict[str, Any]]:
    return [
        {
            "id": turn.name,
            "input": [_for_inspect(each) for each in _chat(turn.inputs)] or json.dumps(turn.inputs),
            "target": _last_said(turn.outputs) or json.dumps(turn.outputs),
            "metadata": turn.metadata | {"inputs": turn.inputs, "outputs": turn.outputs},
        }
        for turn in turns
    ]


def _chat(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The first channel that holds messages alone."""
    for value in state.values():
        said = value if isinstance(value, list) else []
        if said and all(isinstance(each, dict) and each.get("role") in _ROLES for each in said):
            return said
    return []


_ROLES = {"user", "assistant", "system", "tool"}


def _for_inspect(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message in Inspect's form: of a tool call it knows the function, with arguments that are no text."""
    content = message["content"]
    parts = content if isinstance(content, str) else [_part_for_inspect(part) for part in content]
    made = {"role": message["role"], "content": parts}
    if message["role"] == "tool":
        made |= {"tool_call_id": message["tool_call_id"], "function": message.get("name")}
    if calls := message.get("tool_calls"):
        made["tool_calls"] = [
            {
                "id": call["id"],
                "function": call["function"]["name"],
                "arguments": args if isinstance(args, dict) else {"args": args},  # masked ones are text
                "type": "function",
            }
            for call in calls
            for args in [json.loads(call["function"]["arguments"])]
        ]
    return made


def _part_for_inspect(part: Any) -> dict[str, Any]:
    """Text or a picture; any other part is told as JSON."""
    match part:
        case {"type": "text", "text": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return {"type": "image", "image": url}
    return {"type": "text", "text": json.dumps(part)}


def _last_said(state: Mapping[str, Any]) -> str:
    content = next((m["content"] for m in reversed(_chat(state)) if m["role"] == "assistant"), "")
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


_FORMATS: dict[str, Callable[[list[FinishedTurn]], Any]] = {
    "langsmith": _langsmith,
    "pydantic-evals": _pydantic_evals,
    "inspect": _inspect,
}
