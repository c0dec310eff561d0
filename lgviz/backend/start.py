"""What begins a thread, or its next turn: the form of what a graph takes in, checked before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast
from uuid import UUID, uuid4

from langchain_core.runnables import RunnableConfig

from lgviz import session
from lgviz._visible import visible
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.edits import PartRefusal, json_of, made_of
from lgviz.analysis.types import adapter_of
from lgviz.backend import code
from lgviz.backend.checkpoint_views import real_state_of
from lgviz.backend.dispatch import RequestCall, handler
from lgviz.backend.fields import NOTHING, errors_of, form_of, schema_problem
from lgviz.backend.forms import config_of
from lgviz.backend.open_thread import OpenThread
from lgviz.backend.restored import restored_config
from lgviz.backend.typed_code import python_of
from lgviz.errors import InvalidValue, listed
from lgviz.protocol import FieldError, FieldView, RefusedPart, StartForm, StartParams, StartRequest
from lgviz.sources.base import Source
from lgviz.sources.redact import MASK_TYPED, holds_mask
from lgviz.sources.remote import RemoteAssistant

__all__ = ["StartForms", "StartInput", "refused_start"]

_NUMBERED = re.compile(r"(.{0,40}?)(\d{1,9})")
_THREADS_AT_ONCE = 500
_LOOKS = 8
"""How many ids are looked for among many threads."""


@dataclass(frozen=True, slots=True)
class StartInput:
    """A start as it was asked for, checked.

    Attributes:
        graph: what begins it, or goes on.
        chosen: its name or id, where it is one of a server's.
        at: the checkpoint whose next turn it is; None: a new thread.
        newest: whether a turn goes on at the thread's newest checkpoint, as LangGraph itself does.
    """

    graph: Any
    chosen: str | None
    at: Checkpoint | None
    newest: bool
    thread_id: str
    input: Any
    config: RunnableConfig
    context: Any

    def code(self, subject: str) -> str:
        """The cell that does the same."""
        given, imports = python_of(self.input)
        context, more = python_of(self.context) if self.context is not None else (None, set())
        configurable = dict(self.config.get("configurable", {}))
        known = session.configurable_of(self.at.metadata) if self.at is not None else {}
        config = {
            key: value
            for key, value in configurable.items()
            if key not in ("thread_id", "checkpoint_id", "checkpoint_ns") and known.get(key, NOTHING) != value
        }
        branch = self.at is not None and not self.newest
        if self.chosen is not None:
            subject = f"RemoteGraph({self.chosen!r}, url={subject})"
            imports.add("from langgraph.pregel.remote import RemoteGraph")
        return code.start_code(
            subject,
            self.thread_id,
            given,
            at=self.at.label if branch and self.at is not None else None,
            context=context,
            config={"configurable": config} if config else None,
            imports=imports | more,
        )


class StartForms:
    """What is to be filled in to start, and what was, as LangGraph takes it.

    Args:
        thread: the open thread.
    """

    def __init__(self, thread: OpenThread) -> None:
        self._thread = thread

    @handler("read")
    def start_form(self, call: RequestCall, params: StartParams) -> StartForm:
        graph, chosen = self._graph(params.get("graph"), anew=not params["turn"])
        taken = session.input_of(graph)
        schema = _input_schema(taken, needed=not params["turn"])
        if taken.chat and isinstance(schema, dict):
            del schema["properties"][taken.chat]
            schema["required"] = [name for name in schema["required"] if name != taken.chat]
        alone = taken.chat == "" or (taken.chat and not schema["properties"])
        made_with = {}
        thread_id = params["thread_id"]
        if params["turn"]:
            latest = self._thread.current().latest
            thread_id, made_with = latest.history.thread_id, session.configurable_of(latest.metadata)
        elif thread_id is None:
            there = isinstance(graph, RemoteAssistant)  # which takes UUIDs alone
            thread_id = str(uuid4()) if there else _proposed(self._thread.source)
        form: StartForm = {
            "thread_id": thread_id,
            "chat": taken.chat,
            "input": None if alone else form_of(schema, name="input", required=True),
            "context": self._context_form(graph),
            "configurable": code.json_text(made_with) if made_with else "",
        }
        if chosen is not None and len(known := graph.assistants()) > 1:
            names = [name for name, one in known.items() if one.assistant_id == graph.assistant_id]
            form |= {"graphs": list(known), "graph": names[0] if names else graph.graph_name()}
        return form

    def made(self, request: StartRequest, *, shown: bool = False) -> StartInput:
        """What a request asks for.

        Args:
            request: what was filled in.
            shown: with the configurable as it is shown, for copied code.

        Raises:
            InvalidValue: a part of it is refused; ``refused`` says which.
        """
        at = None if request["checkpoint"] is None else self._thread.at(request["checkpoint"])
        graph, chosen = self._graph(request.get("graph"), anew=at is None)
        thread_id = request["thread_id"].strip()
        if not thread_id:
            raise refused_start("thread", "Name the new thread.")
        if self._thread.redactor is not None:
            for part in ("message", "input", "context"):
                if holds_mask(request[part] or ""):
                    raise refused_start(part, f"{MASK_TYPED}: type a value.")
        given = _made_input(graph, request, {} if at is None else real_state_of(at), turn=at is not None)
        context = self._made_context(graph, request["context"])
        try:
            config = config_of(request["configurable"], self._thread.config)
            if not shown:
                config = cast(RunnableConfig, restored_config(at, config))
        except InvalidValue as error:
            raise refused_start("configurable", error.cause) from error
        newest = at is not None and at.id == self._thread.current().latest.id
        return StartInput(graph, chosen, at, newest, thread_id, given, config, context)

    def _graph(self, wanted: str | None, *, anew: bool) -> tuple[Any, str | None]:
        """What starts; of a server that is named alone also what it is called there."""
        graph = self._thread.live_graph()
        if not (anew and isinstance(graph, RemoteAssistant)) or self._thread.source.graph.assistant_id:
            return graph, None
        if wanted is None and graph.assistant_id is not None:
            return graph, graph.assistant_id
        known = graph.assistants()
        one = known.get(wanted or next(iter(known), "")) or graph.named(wanted)
        return one, one.assistant_id

    def _context_form(self, graph: Any) -> FieldView | None:
        schema = _context_schema(graph)
        if schema is None:
            return None
        own, kept = (None, []) if self._thread.context is None else json_of(self._thread.context)
        there = own is not None and not kept
        field = form_of(schema, own if there else NOTHING, name="context", required=True)
        needed = there or bool(isinstance(schema, dict) and schema.get("required"))
        value = field["value"] if needed or field["kind"] != "object" else None
        return {**field, "required": False, "empty": "absent", "value": value}

    def _made_context(self, graph: Any, text: str | None) -> Any:
        own = self._thread.context
        if text is None:
            return own
        typed = _parsed("context", text)
        if own is not None and json_of(own)[0] == typed:
            return own
        if typed is None:
            return None
        schema = _context_schema(graph)
        wrong = errors_of(schema, typed) if schema is not None else []
        made, refused = made_of(typed, graph.context_schema) if not wrong else (None, [])
        if wrong or refused:
            raise _refusal("context", [*wrong, *map(_error, refused)])
        return made


def refused_start(part: str, message: str) -> InvalidValue:
    """A start that is refused for one part of its form."""
    return _refusal(part, [{"path": [], "message": message}])


def _made_input(graph: Any, request: StartRequest, state: Mapping[str, Any], *, turn: bool) -> Any:
    taken = session.input_of(graph)
    message, text = request["message"], request["input"]
    typed = _parsed("input", text) if text is not None else {}
    if message is not None and taken.chat is not None:
        if not message.strip():
            raise refused_start("message", "Write a message.")
        said = {"role": "user", "content": message}
        typed = {taken.chat: [said], **typed} if taken.chat else [said]
    fields = taken.fields if isinstance(typed, dict) else None
    if fields is not None and (unknown := [name for name in typed if name not in fields]):
        told = f"The graph takes in no such field: it has {listed(fields)}."
        raise _refusal("input", [{"path": [name], "message": told} for name in unknown])
    schema = _input_schema(taken, needed=not turn)
    if wrong := errors_of(schema, typed):
        raise _refusal("input", wrong)
    if taken.fields is not None and not typed:
        raise refused_start("input", "Give a value at least: LangGraph takes no empty input.")
    values, refused = taken.made(typed)
    refused = refused or taken.refusals(values, state)
    if refused:
        raise _refusal("input", map(_error, refused), chat=taken.chat if message is not None else None)
    return values


def _input_schema(taken: session.GraphInput, *, needed: bool) -> Any:
    schema = taken.json_schema()
    if schema_problem(schema) is not None:
        return True
    if isinstance(schema, dict) and taken.fields is not None and not needed:
        return {**schema, "required": []}
    return schema


def _context_schema(graph: Any) -> Any:
    try:
        schema = adapter_of(graph.context_schema).json_schema() if graph.context_schema is not None else None
    except Exception:  # a class that pydantic has no JSON schema for: anything may be given
        return True
    return schema if schema is None or schema_problem(schema) is None else True


def _parsed(part: str, text: str) -> Any:
    try:
        return session.parse_json(text, part)
    except InvalidValue as error:
        raise refused_start(part, error.cause) from error


def _error(refused: PartRefusal) -> FieldError:
    return {"path": list(refused.keys), "message": visible(refused.text)}


def _refusal(part: str, errors: Any, chat: str | None = None) -> InvalidValue:
    """The error that marks these parts of a form; what is wrong with a chat's messages is its message's."""
    parts: list[RefusedPart] = []
    for error in errors:
        of_chat = chat is not None and error["path"][:1] == [chat]
        parts.append({"channel": "message" if of_chat else part, "path": [], "error": error})
    first = parts[0]
    where = ".".join(map(str, [first["channel"], *first["error"]["path"]]))
    more = f" ({len(parts) - 1} more)" if len(parts) > 1 else ""
    return InvalidValue(f"{where}: {first['error']['message']}{more}", "Nothing was sent.", parts)


def _proposed(source: Source) -> str:
    """A free id that goes on counting where the newest thread's does: after ``chat-7`` comes ``chat-8``. Of
    many threads only few are looked at; where the next numbers are taken too, a UUID is free."""
    newest = source.find_threads(limit=_THREADS_AT_ONCE)
    known = [one.thread_id for one in newest.threads]
    taken = set(known)
    others = (one for one in _candidates(known[0] if known else "") if one not in taken)
    if newest.after is None:
        return next(others)
    return next((one for one in islice(others, _LOOKS) if _is_free(source, one)), str(uuid4()))


def _is_free(source: Source, thread_id: str) -> bool:
    """Whether there is certainly no such thread."""
    found = source.find_threads(thread_id, _THREADS_AT_ONCE)
    return found.after is None and all(one.thread_id != thread_id for one in found.threads)


def _candidates(newest: str) -> Iterator[str]:
    found = None if _is_uuid(newest) else _NUMBERED.fullmatch(newest)
    prefix, number = (found[1], int(found[2])) if found else ("thread-", 0)
    while True:
        number += 1
        yield f"{prefix}{number}"


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
