"""Answers what a view reads: threads, tree, checkpoints, values, diffs, search."""

from __future__ import annotations

import itertools
import json

from lgviz.analysis.media import media_bytes, media_of
from lgviz.analysis.narration import tell
from lgviz.analysis.search import Hit, place_of, search
from lgviz.analysis.thread_status import status_of_thread
from lgviz.analysis.topology import inner_topologies, topology_of
from lgviz.analysis.values import value_at
from lgviz.analysis.why import why_of
from lgviz.backend import checkpoint_views as views
from lgviz.backend.blame_views import blame_of, place_in
from lgviz.backend.comparison_views import branches_view, comparison_view
from lgviz.backend.dispatch import RequestCall, handler
from lgviz.backend.narration_views import narration_view
from lgviz.backend.open_thread import OpenThread, tree_batch
from lgviz.backend.question_views import question_words
from lgviz.backend.sandbox import SandboxSlot
from lgviz.backend.value_views import value_node
from lgviz.backend.why_views import why_view
from lgviz.errors import CheckpointNotFound, NotFound
from lgviz.protocol import (
    BlameView,
    BranchesView,
    CheckpointParams,
    CheckpointView,
    CompareParams,
    ComparisonView,
    DiffParams,
    DiffView,
    Early,
    FoundPlace,
    LineageView,
    MarksParams,
    MediaData,
    MediaGet,
    Nothing,
    OriginFind,
    OriginPlace,
    RawView,
    RowMarks,
    SearchHit,
    SearchParams,
    SearchProgress,
    TaskView,
    TaskWrites,
    ThreadLinkView,
    ThreadOpen,
    ThreadPage,
    ThreadsList,
    ThreadStatus,
    ThreadSummary,
    ThreadView,
    ToldSentence,
    ValueFind,
    ValueGet,
    ValueNode,
    WhyView,
)
from lgviz.sources.base import ThreadIndex, ThreadInfo, ThreadLineage, ThreadLink
from lgviz.sources.remote import RemoteAssistant

__all__ = ["Reads"]

_EARLY_ROWS = 64
_HITS_A_MESSAGE = 50
_HITS_IN_ALL = 2_000


class Reads:
    """The requests that read the open thread, and the list of all.

    Args:
        thread: the open thread.
        sandbox: what is open over it.
    """

    def __init__(self, thread: OpenThread, sandbox: SandboxSlot) -> None:
        self._thread = thread
        self._sandbox = sandbox
        self._statuses: dict[str, tuple[ThreadInfo, ThreadStatus]] = {}

    # ------------------------------------------------------------ threads and tree

    @handler("read")
    def threads_list(self, call: RequestCall, params: ThreadsList) -> ThreadPage:
        after = None if params["after"] is None else json.loads(params["after"])
        found = self._thread.source.find_threads(params["query"], params["limit"], after)
        unknown = [info.thread_id for info in found.threads if not self._known_status(info)]
        newest = self._thread.source.newest(unknown)
        summaries = []
        for info in found.threads:
            call.check()
            summaries.append(self._summary(info, newest.get(info.thread_id)))
        last = None if found.after is None else json.dumps(found.after)
        return {"threads": summaries, "total": found.total, "after": last}

    @handler("read")
    def thread_open(self, call: RequestCall, params: ThreadOpen) -> ThreadView:
        thread, wanted = self._thread, params["thread_id"]
        with thread.lock:
            history = thread.history
            if history is None or not len(history) or wanted not in (None, history.thread_id):
                thread.open(wanted)
            thread.broadcast()
            return self._opened(call, 0)

    def opening(self, call: RequestCall, selected: str | None, room: int) -> Early | None:
        """The newest rows and the selected checkpoint, in about ``room`` bytes; None where nothing fits."""
        with self._thread.lock:
            rows = len(self._thread.current().tree.ids)
            chosen = None if selected is None else self.checkpoint_get(call, {"checkpoint": selected})
            for most, checkpoint in ((_EARLY_ROWS, chosen), (_EARLY_ROWS, None), (_EARLY_ROWS // 8, None)):
                call.buffers.clear()
                early: Early = {"thread": self._opened(call, max(0, rows - most)), "checkpoint": checkpoint}
                if len(json.dumps(early)) + sum(map(len, call.buffers)) <= room:
                    return early
        return None

    def _opened(self, call: RequestCall, start: int) -> ThreadView:
        """The open thread, its rows from ``start`` on."""
        thread = self._thread
        history = thread.current()
        graph = thread.source.graph_of(history.thread_id)
        opened: ThreadView = {
            "thread": thread.summary(history),
            "lineage": _lineage(history.lineage),
            "source": thread.source.description,
            "tree": tree_batch(call, history.tree, start),
            "topology": topology_of(graph),
            "read_only": thread.source.read_only,
            "untrusted": thread.source.untrusted,
            "selected": history.latest.id,
            "sandbox": self._sandbox.view(),
            "breakpoints": thread.breakpoints_of(history.thread_id),
        }
        if isinstance(graph, RemoteAssistant):
            opened["on_server"] = True
        if thread.agents:
            opened["agents"] = [id_ for id_ in thread.agents if id_ in history]
        if inner := inner_topologies(graph):
            opened["subgraphs"] = inner
        return opened

    @handler("read")
    def thread_refresh(self, call: RequestCall, params: Nothing) -> ThreadSummary:
        self._thread.broadcast()
        return self._thread.summary(self._thread.current())

    def _known_status(self, info: ThreadInfo) -> ThreadStatus | None:
        """A status is read once for each state of a thread."""
        known = self._statuses.get(info.thread_id)
        return info.status if known is None or known[0] != info else known[1]

    def _summary(self, info: ThreadInfo, newest: ThreadIndex | None) -> ThreadSummary:
        status = self._known_status(info) or status_of_thread(self._thread.source, info.thread_id, newest)
        self._statuses[info.thread_id] = (info, status)
        return {
            "thread_id": info.thread_id,
            "count": info.count,
            "updated_at": None if info.updated_at is None else info.updated_at * 1000,
            "status": "running" if info.thread_id in self._thread.running else status,
        }

    @handler("read")
    def rows_marks(self, call: RequestCall, params: MarksParams) -> list[RowMarks]:
        marks: list[RowMarks] = []
        for checkpoint_id in params["checkpoints"]:
            call.check()
            try:
                checkpoint = self._thread.at(checkpoint_id)
            except CheckpointNotFound:
                continue
            asked = checkpoint.interrupts
            marks.append(
                {
                    "id": checkpoint_id,
                    "interrupt": question_words(asked) if asked else None,
                    "error": checkpoint.error,
                    "note": checkpoint.note,
                }
            )
        return marks

    # ------------------------------------------------------------ one checkpoint

    @handler("read")
    def checkpoint_get(self, call: RequestCall, params: CheckpointParams) -> CheckpointView:
        return views.checkpoint_view(
            self._thread.at(params["checkpoint"]), self._thread.source, self._thread.prices
        )

    @handler("read")
    def value_get(self, call: RequestCall, params: ValueGet) -> ValueNode:
        value = views.channel_value(self._thread.at(params["checkpoint"]), params["channel"])
        return value_node(value_at(value, params["path"]), offset=params["offset"], limit=params["limit"])

    @handler("read")
    def media_get(self, call: RequestCall, params: MediaGet) -> MediaData:
        value = views.channel_value(self._thread.at(params["checkpoint"]), params["channel"])
        held = value_at(value, params["path"])
        media = media_of(held)
        if media is None:
            raise NotFound("There is no picture, sound or file any more.", "Open the checkpoint again.")
        return {"mime": media.mime, "buffer": call.blob(media_bytes(held))}

    @handler("read")
    def value_find(self, call: RequestCall, params: ValueFind) -> FoundPlace:
        value = views.channel_value(self._thread.at(params["checkpoint"]), params["channel"])
        return {"path": place_of(value, params["before"], params["match"], params["after"])}

    @handler("read")
    def blame_get(self, call: RequestCall, params: CheckpointParams) -> BlameView:
        return blame_of(self._thread.at(params["checkpoint"]), call.cancelled)

    @handler("read")
    def origin_find(self, call: RequestCall, params: OriginFind) -> OriginPlace:
        at, target = (self._thread.at(params[name]) for name in ("checkpoint", "target"))
        return place_in(at, params["channel"], params["path"], params["line"], target)

    @handler("read")
    def diff_get(self, call: RequestCall, params: DiffParams) -> DiffView:
        after = self._thread.at(params["after"])
        before = self._thread.at(params["before"]) if params["before"] else after.parent
        return views.checkpoints_diff(before, after, self._thread.source, internal=params["internal"])

    @handler("read")
    def writes_get(self, call: RequestCall, params: CheckpointParams) -> list[TaskWrites]:
        return views.writes_view(self._thread.at(params["checkpoint"]), self._thread.prices)

    @handler("read")
    def tasks_get(self, call: RequestCall, params: CheckpointParams) -> list[TaskView]:
        checkpoint = self._thread.at(params["checkpoint"])
        known = self._thread.tracebacks.get(checkpoint.id)
        return views.tasks_view(checkpoint, self._thread.source, known, self._thread.prices)

    @handler("read")
    def why_get(self, call: RequestCall, params: CheckpointParams) -> WhyView:
        return why_view(why_of(self._thread.at(params["checkpoint"])))

    @handler("read")
    def narration_get(self, call: RequestCall, params: CheckpointParams) -> list[ToldSentence]:
        return narration_view(tell(self._thread.at(params["checkpoint"])))

    @handler("read")
    def compare_get(self, call: RequestCall, params: CompareParams) -> ComparisonView:
        left, right = (self._thread.at(params[side]) for side in ("left", "right"))
        return comparison_view(left, right, call.counted)

    @handler("read")
    def branches_get(self, call: RequestCall, params: Nothing) -> BranchesView:
        return branches_view(self._thread.current())

    @handler("read")
    def raw_get(self, call: RequestCall, params: CheckpointParams) -> RawView:
        return views.raw_view(self._thread.at(params["checkpoint"]))

    @handler("read")
    def search(self, call: RequestCall, params: SearchParams) -> SearchProgress:
        history = self._thread.current()
        total = len(history.tree.ids)
        batch: list[SearchHit] = []

        def flush(done: int) -> None:
            nonlocal batch
            call.progress({"hits": batch, "done": done, "total": total, "more": False})
            batch = []

        hits = search(history, params["query"], call.cancelled, lambda done, _total: flush(done))
        done = 0
        for hit in itertools.islice(hits, _HITS_IN_ALL):
            batch.append(_hit(hit))
            done = max(done, hit.row)
            if len(batch) >= _HITS_A_MESSAGE:
                flush(done)
        call.check()
        more = next(hits, None) is not None
        return {"hits": batch, "done": done if more else total, "total": total, "more": more}


def _hit(hit: Hit) -> SearchHit:
    return {
        "id": hit.id,
        "row": hit.row,
        "channel": hit.channel,
        "where": hit.where,
        "before": hit.before,
        "match": hit.match,
        "after": hit.after,
    }


def _lineage(lineage: ThreadLineage) -> LineageView:
    def link(found: ThreadLink) -> ThreadLinkView:
        return {"thread_id": found.thread_id, "checkpoint": found.checkpoint_id}

    return {
        "origin": None if lineage.origin is None else link(lineage.origin),
        "forks": [link(fork) for fork in lineage.forks],
    }
