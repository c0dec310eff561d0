"""Calls of chat models inside the nodes of one run: heard, recorded, and answered from what was recorded.

LangChain tells a run's handler of each call, whatever thread or task it is in, and before it calls a model by
``invoke`` or ``ainvoke`` it asks a cache. So the handler knows which node asks what, and the cache gives the
answer. Both look at a context variable: a call outside of the run is never heard, and the user's own cache is
asked as ever. A model that streams (``stream``, ``astream``), or that has a cache of its own, does not ask.

Two calls are equal where the same node (by its path of graphs) asks the same model (its class, and what it
tells of itself: its name, its settings, tools, stop words) the same messages. Ids of messages and tool calls
are numbered by their first appearance; what a provider told beside an earlier answer (usage, metadata) does
not count, for no model is sent it.
"""

from __future__ import annotations

import functools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from langchain_core.caches import BaseCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import get_llm_cache, set_llm_cache
from langchain_core.load import dumps
from langchain_core.messages import AIMessage, BaseMessage, BaseMessageChunk, message_chunk_to_message
from langchain_core.outputs import ChatGeneration, Generation, LLMResult
from langchain_core.tracers.context import register_configure_hook

from lgviz.analysis.fingerprint import Fingerprint, Inexact, fingerprint, with_ids
from lgviz.analysis.history import History
from lgviz.errors import LgvizError
from lgviz.sources.metadata_cache import cache_folder
from lgviz.sources.places import calls, node_path
from lgviz.sources.redact import Redactor

from .model_recordings import ModelRecordings, RecordedCall

__all__ = ["ModelCalls", "RecordedAnswers", "hearing"]

_NEVER = 1 << 62


class RecordedAnswers:
    """What the recorded calls of some threads answer: each call answers one, the n-th the n-th equal one.

    Args:
        recordings: where the calls are.
        histories: the threads, the likeliest first. What was recorded of a task that none of them has is of
            another thread with that id.
        past: rows of the first thread whose calls were made before what is run now.

    Attributes:
        near: rows of the first thread whose calls come first, in this order.
    """

    def __init__(
        self, recordings: ModelRecordings, histories: Sequence[History], past: Iterable[int] = ()
    ) -> None:
        self.recordings = recordings
        self.near: Callable[[], Iterable[int]] = tuple
        self._lock = threading.Lock()
        self._equal: dict[tuple[str, bytes], list[tuple[RecordedCall, frozenset[int]]]] = {}
        self._of_task: dict[str, list[RecordedCall]] = {}
        over = frozenset(past)
        for number, history in enumerate(histories):
            if not (recorded := recordings.of(history.thread_id)):
                continue
            rows = _rows_of_tasks(history, recorded)
            for call in recorded:
                ids = [each.task_id for each in calls(call.namespace) if each.task_id in rows]
                at = frozenset(rows[id_] for id_ in ids) if number == 0 else frozenset()
                if not ids or at & over:
                    continue
                key = (node_path(call.namespace), call.asked.digest)
                self._equal.setdefault(key, []).append((call, at))
                for id_ in ids:
                    self._of_task.setdefault(id_, []).append(call)

    @classmethod
    def of(cls, histories: Sequence[History], past: Iterable[int] = ()) -> RecordedAnswers | None:
        """Of what is recorded on this machine; None where nothing is."""
        if cache_folder() is None:
            return None
        made = cls(ModelRecordings(), histories, past)
        return made if made._equal else None

    def skip(self, task_id: str) -> None:
        """A task was answered whole: it does not make its calls."""
        with self._lock:
            for call in self._of_task.get(task_id, ()):
                call.used = True

    def take(self, path: str, asked: Fingerprint) -> tuple[RecordedCall, bool] | None:
        """The recorded call that a call of a node is, and whether it is of the same steps: then what it
        answers has the ids that it had."""
        with self._lock:
            left = [(call, at) for call, at in self._equal.get((path, asked.digest), ()) if not call.used]
            if not left:
                return None
            near = {row: place for place, row in enumerate(self.near())}
            ranked = [(min((near.get(row, _NEVER) for row in at), default=_NEVER), call) for call, at in left]
            rank, call = min(ranked, key=lambda each: each[0])
            call.used = True
            return call, rank != _NEVER


@dataclass(slots=True)
class _Call:
    """A call that was heard."""

    heard: ModelCalls
    namespace: str
    started: int
    asked: Fingerprint | None
    messages: Sequence[BaseMessage]
    recorded: tuple[RecordedCall, bool] | None
    waiting: bool = True
    """Whether it may still ask the cache."""
    answered: bool = False
    ended: bool = False


class ModelCalls(BaseCallbackHandler):
    """Hears the calls of chat models in the nodes of one run.

    Args:
        thread_id: of the run.
        recordings: where they are recorded; None: nowhere.
        answers: what answers them; None: nothing does.
        redactor: an answer in which it masks something is not kept.
        channels: of the graph: an answer may be written to any.
        live: whether calls are recorded that are not answered. Those that are answered are recorded always:
            their new task is asked again in a replay.

    Attributes:
        always: whether runs record that do not say (``%config LgvizMagics.record_models``).
        answered: by node, how many calls were answered.
        warnings: what could not be recorded or answered, each once.
    """

    run_inline = True  # in the context of the call, where the cache is asked next
    always: ClassVar[bool] = False

    def __init__(
        self,
        thread_id: str,
        recordings: ModelRecordings | None = None,
        answers: RecordedAnswers | None = None,
        redactor: Redactor | None = None,
        channels: Iterable[str] = (),
        *,
        live: bool = True,
    ) -> None:
        self.answers = answers
        self._recordings, self._live = recordings, live
        self.answered: Counter[str] = Counter()
        self.warnings: dict[str, None] = {}
        self._thread_id = thread_id
        self._redactor, self._channels = redactor, tuple(channels)
        self._open: dict[UUID, _Call] = {}
        self._lock = threading.Lock()

    # ------------------------------------------------------------ LangChain's side

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        """A model is called."""
        namespace = (metadata or {}).get("langgraph_checkpoint_ns")
        if not namespace:
            return  # by no node
        path, asked = node_path(namespace), None
        try:
            asked = _asked(serialized, more.get("invocation_params") or {}, messages[0])
        except Inexact as error:
            self.warnings[f"What {path!r} asked a model cannot be told exactly: {error}."] = None
        recorded = self.answers.take(path, asked) if self.answers is not None and asked is not None else None
        call = _Call(self, namespace, time.time_ns(), asked, messages[0], recorded)
        self._open[run_id] = call
        _CALLS.set((*(each for each in _CALLS.get() if not each.ended), call))

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_more: Any) -> None:
        """It answered."""
        if (call := self._open.pop(run_id, None)) is not None:
            made = response.generations[0]
            self._ended(call, [_plain(each.message) for each in made if isinstance(each, ChatGeneration)])

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_more: Any) -> None:  # noqa: ARG002
        """It failed."""
        if (call := self._open.pop(run_id, None)) is not None:
            self._ended(call, [])

    # ------------------------------------------------------------ inside

    def _ended(self, call: _Call, answer: list[BaseMessage]) -> None:
        call.ended = True
        path = node_path(call.namespace)
        if call.recorded is not None and call.waiting:
            self.warnings[
                f"A model that {path!r} called had a recorded answer, but did not ask LangChain's cache for "
                "it: it streams, or has a cache= of its own."
            ] = None
        if self._recordings is None or (asked := call.asked) is None or not (self._live or call.answered):
            return
        if self._redactor is not None and self._hides(self._redactor, [*answer, *asked.ids]):
            self.warnings[f"Answers of models in {path!r} were not recorded: redact= masks them."] = None
            asked, answer = Fingerprint(asked.digest), []
        try:
            self._recordings.add(self._thread_id, call.namespace, call.started, asked, answer)
        except LgvizError as error:
            self.warnings[f"A call of a model in {path!r} was not recorded: {error}"] = None

    def _hides(self, redactor: Redactor, parts: list[Any]) -> bool:
        """Whether anything is masked in what a channel may be given."""
        written = (redactor.channel(name, parts, written=True) for name in self._channels)
        return any(each is not parts for each in (redactor.loose(parts), *written))

    def answer_to(self, call: _Call) -> list[Generation] | None:
        """What is recorded for a call; None where it must be made."""
        call.waiting = False
        if self.answers is None or call.recorded is None or call.asked is None:
            return None
        recorded, near = call.recorded
        try:
            messages = self.answers.recordings.answer(recorded)
        except LgvizError as error:
            self.warnings[str(error)] = None
            return None
        if messages is None:
            return None
        ids = zip(recorded.asked.ids, call.asked.ids, strict=True)
        own: list[BaseMessage] = with_ids(messages, {old: new for old, new in ids if old != new})
        call.answered = True
        with self._lock:
            self.answered[node_path(call.namespace)] += 1
        if not near:  # its id may be that of a message in the state
            own = [each.model_copy(update={"id": None}) for each in own]
        return [_RecordedGeneration(message=each) for each in own]


class _RecordedGeneration(ChatGeneration):
    """An answer as it was: LangChain writes a cost of 0 into the message of what a cache gives."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "message":
            super().__setattr__(name, value)


def _rows_of_tasks(history: History, recorded: Iterable[RecordedCall]) -> dict[str, int]:
    """By the id of a task, the row that it started from."""
    rows = {id_: row.index for row in history.tree.rows for id_ in row.step_work.tasks}
    if any(not rows.keys() & {each.task_id for each in calls(call.namespace)} for call in recorded):
        for head in history.heads:  # a task that wrote nothing, for the process died: only the graph knows it
            rows |= {task.id: history.tree.row_of(head.id, head.namespace) for task in head.tasks}
    return rows


def _asked(
    serialized: Mapping[str, Any], params: Mapping[str, Any], messages: Sequence[BaseMessage]
) -> Fingerprint:
    """What a model is asked.

    Raises:
        Inexact: a part of it cannot be hashed exactly.
    """
    sent = [_sent(each) for each in messages]
    return fingerprint([serialized.get("id"), dict(sorted(params.items())), sent])


def _plain(message: BaseMessage) -> BaseMessage:
    """The whole of a message that was streamed."""
    return message_chunk_to_message(message) if isinstance(message, BaseMessageChunk) else message


def _sent(message: BaseMessage) -> BaseMessage:
    """A message without what is told beside it."""
    whole = _plain(message)
    if not isinstance(whole, AIMessage):
        return whole
    return whole.model_copy(update={"response_metadata": {}, "usage_metadata": None})


# ---------------------------------------------------------------- within a run

_HEARING: ContextVar[ModelCalls | None] = ContextVar("lgviz_model_calls", default=None)
_CALLS: ContextVar[tuple[_Call, ...]] = ContextVar("lgviz_model_calls_begun", default=())
"""The calls that began in a context and have not ended: the next one to ask the cache is among them."""


@functools.cache
def _hook() -> None:
    """Once a process: LangChain takes no hook back, and makes nothing of this one outside of a run."""
    register_configure_hook(_HEARING, inheritable=True)


@contextmanager
def hearing(heard: ModelCalls | None) -> Iterator[None]:
    """What runs within is heard, and answered; None: it is not."""
    if heard is None:
        yield
        return
    _hook()
    token = _HEARING.set(heard)
    try:
        with _asking() if heard.answers is not None else nullcontext():
            yield
    finally:
        _HEARING.reset(token)


class _RunCache(BaseCache):
    """LangChain's cache as long as runs are answered: the user's own is asked first, as ever.

    Attributes:
        own: the user's; None: there is none.
        runs: how many runs need it.
    """

    def __init__(self, own: BaseCache | None) -> None:
        self.own = own
        self.runs = 0

    def lookup(self, prompt: str, llm_string: str) -> Any:
        found = self.own.lookup(prompt, llm_string) if self.own is not None else None
        return _recorded(prompt) if found is None else found

    async def alookup(self, prompt: str, llm_string: str) -> Any:
        found = await self.own.alookup(prompt, llm_string) if self.own is not None else None
        return _recorded(prompt) if found is None else found

    def update(self, prompt: str, llm_string: str, return_val: Any) -> None:
        if self.own is not None:
            self.own.update(prompt, llm_string, return_val)

    async def aupdate(self, prompt: str, llm_string: str, return_val: Any) -> None:
        if self.own is not None:
            await self.own.aupdate(prompt, llm_string, return_val)

    def clear(self, **kwargs: Any) -> None:
        if self.own is not None:
            self.own.clear(**kwargs)

    async def aclear(self, **kwargs: Any) -> None:
        if self.own is not None:
            await self.own.aclear(**kwargs)


def _recorded(prompt: str) -> list[Generation] | None:
    """The answer to the call that asks now."""
    waiting = [call for call in _CALLS.get() if call.waiting and not call.ended]
    if not waiting:
        return None
    call = waiting[-1]
    if len(waiting) > 1:  # of a batch, or while another streams
        call = next((each for each in waiting if _prompt(each.messages) == prompt), call)
    return call.heard.answer_to(call)


def _prompt(messages: Sequence[BaseMessage]) -> str:
    """As LangChain names messages to a cache."""
    return dumps([each.model_copy(update={"id": None}) for each in messages])


_CACHE = threading.Lock()


@contextmanager
def _asking() -> Iterator[None]:
    """LangChain asks a :class:`_RunCache` as long as a run is within, and the user's cache again after it."""
    with _CACHE:
        cache = get_llm_cache()
        if not isinstance(cache, _RunCache):
            cache = _RunCache(cache)
            set_llm_cache(cache)
        cache.runs += 1
    try:
        yield
    finally:
        with _CACHE:
            cache.runs -= 1
            if cache.runs == 0 and get_llm_cache() is cache:
                set_llm_cache(cache.own)
