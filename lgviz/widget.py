"""The debugger as a Jupyter widget: traits and forwarding, no logic (floor 6)."""

from __future__ import annotations

import functools
import gzip
import re
from pathlib import Path
from typing import Any, Unpack

import anywidget
import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display, update_display

from lgviz._visible import visible
from lgviz.analysis.history import History
from lgviz.analysis.usage import Prices
from lgviz.backend import Backend
from lgviz.backend.glances import AgentWatch
from lgviz.backend.watches import WatchRequests
from lgviz.errors import LgvizError, NotInstalled, ThreadNotFound
from lgviz.export.contents import FileContents
from lgviz.export.error import error_html
from lgviz.export.html import static_html
from lgviz.export.text import tree_text
from lgviz.files import export, prepare
from lgviz.files.requests import ExportRequests
from lgviz.sources.base import ReadOptions

__all__ = ["Debugger", "debug", "in_notebook"]

_STATIC = Path(__file__).parent / "static"
_BUILT = all((_STATIC / name).is_file() for name in ("loader.js", "widget.js"))
_VIEW = "application/vnd.jupyter.widget-view+json"


class Debugger(anywidget.AnyWidget):
    """The time-travel debugger of one source, for a notebook.

    >>> from lgviz.demos import two_nodes
    >>> from lgviz.persistence import MemorySaver
    >>> graph = two_nodes.build(MemorySaver())
    >>> two_nodes.seed(graph, thread_id="1")
    >>> dbg = Debugger(graph, thread_id="1")
    >>> dbg.selected = "c2"
    >>> dbg.history[dbg.selected].nodes
    ('node_a',)
    >>> dbg.close()

    Args:
        what: anything :func:`lgviz.open_source` takes: a compiled graph, a saver, a database path.
        thread_id: the thread to open; None opens the newest.
        store: the store whose items the Memory tab shows; None: the graph's, or that of the database.
        config: the run's config for forks and runs started here (``configurable``, ``recursion_limit``, ...).
        context: the run's context, as ``graph.invoke(..., context=...)`` takes it.
        prices: by the name of a model, as its messages tell it, what a million tokens cost: read and written.
            Then the cost of a step stands beside its tokens.
        height: pixels.
        static: also emit the script-free view that outlives the kernel.
        agent: mark the checkpoints of the open thread that a coding agent looks at by ``lgviz mcp``.
        name: the Python expression for ``what`` in copied code; None looks it up in the notebook.
        **options: how the source is read: ``trust``, ``redact`` (see :func:`lgviz.open_source`).

    Attributes:
        thread_id: the open thread (synced; another may be assigned).
        selected: id of the selected checkpoint (synced; a label may be assigned).
        compared: id of the checkpoint it is compared with, or None (synced; a label may be assigned).

    Raises:
        SourceError: ``what`` cannot be read.
        NotInstalled: the front end is not built, in a checkout.
    """

    _esm = _STATIC / "loader.js" if _BUILT else ""

    thread_id = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    selected = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    compared = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    height = traitlets.Int(620).tag(sync=True)
    uid = traitlets.Unicode("").tag(sync=True)
    stamp = traitlets.Unicode("").tag(sync=True)

    _backend: Backend | None = None
    _shown_in: int | None = None

    def __init__(
        self,
        what: Any,
        thread_id: str | None = None,
        *,
        store: Any = None,
        config: dict[str, Any] | None = None,
        context: Any = None,
        prices: Prices | None = None,
        height: int = 620,
        static: bool = True,
        agent: bool = False,
        name: str | None = None,
        **options: Unpack[ReadOptions],
    ) -> None:
        if not _BUILT:
            raise NotInstalled(
                "The debugger's front end is not built.",
                "Run `make setup` in the checkout, then restart Python.",
            )
        shell = get_ipython()
        variables = shell.user_ns if shell is not None else {}
        asked: dict[str, Any] = {
            "store": store,
            "config": config,
            "context": context,
            "name": name,
            "prices": prices,
        }
        backend = Backend(what, self._forward, variables=variables, **asked, **options)
        backend.answer_by(ExportRequests(backend))
        backend.answer_by(WatchRequests(backend.thread))
        thread_id = None if thread_id is None else str(thread_id)
        self._error: LgvizError | None = None
        try:
            history = backend.thread.open(thread_id)
        except LgvizError as error:
            history, self._error = None, error
        super().__init__(
            # An unknown thread stays named: the view then says that it is unknown, and offers the others.
            thread_id=thread_id if history is None else history.thread_id,
            selected=None if history is None else history.latest.id,
            height=height,
            stamp=_bundle()[0],
        )
        self.uid = self.model_id or ""
        self._static = static
        self._shown = False
        self._backend = backend
        self._watch = AgentWatch(backend.thread) if agent else None
        self.on_msg(self._hear)
        # Sent unasked: what a view asks for waits until the cells that run meanwhile have ended.
        self._send_bundle()
        self._announced: tuple[Any, ...] | None = None
        self._announce()

    @traitlets.validate("thread_id")
    def _opened(self, proposal: Any) -> Any:
        # Of a person who writes dbg.thread_id = "2"; a view asks for the thread first.
        key, history = proposal["value"], self.history
        if self._backend is not None and key is not None and (history is None or history.thread_id != key):
            self._backend.thread.open(key)
            self._error = None
        return key

    @traitlets.observe("thread_id")
    def _reselect(self, _change: Any) -> None:
        history = self.history
        if history is None:
            return
        if self.compared is not None and self.compared not in history:
            self.compared = None
        if self.selected is None or self.selected not in history:
            self.selected = history.latest.id

    @traitlets.validate("selected", "compared")
    def _by_label(self, proposal: Any) -> str | None:
        # A person writes dbg.selected = "c3"; views know ids only.
        key, history = proposal["value"], self.history
        if self._backend is None or key is None or history is None:
            return key  # type: ignore[no-any-return]
        if key not in history:
            self._backend.thread.broadcast()  # a view may name what was made a moment ago
        return history[str(key)].id

    @property
    def history(self) -> History | None:
        """The open thread's history; None where none is open."""
        return None if self._backend is None else self._backend.history

    @property
    def graph(self) -> Any:
        """The compiled graph that it debugs; None for a saver or a file."""
        return None if self._backend is None else self._backend.thread.source.graph

    def refresh(self) -> None:
        """Show what was stored since, by runs that were not started here.

        Raises:
            ThreadNotFound: no thread is open, or it was deleted.
        """
        if self._backend is not None:
            self._backend.thread.broadcast()
            self.refresh_static()

    def to_html(self) -> str:
        """The open thread as one HTML page, with the memory that is shown; see :meth:`export_html`."""
        return str(prepare(self._opened_backend(), "html", selected=self.selected).content, "utf-8")

    def export_html(self, path: Any, *, quiet: bool = False) -> FileContents:
        """Write the open thread as one HTML file: the debugger to read in, without Python or a network.

        What it contains is printed before it is written. What ``redact=`` masks is masked in it.

        Args:
            path: where to; a file that is there is written over.
            quiet: print nothing.

        Raises:
            ThreadNotFound: no thread is open.
        """
        return self.export(path, kind="html", quiet=quiet, overwrite=True)

    def export(self, path: Any, **asked: Any) -> FileContents:
        """Write the open thread as the file that the path's ending names; see :func:`lgviz.files.export`.

        ``.html`` a page to read in, ``.lgviz`` a bundle, ``.md`` an investigation, ``.svg`` and ``.png`` the
        tree as a picture, ``.mmd`` and ``.dot`` as text. What it contains is printed before it is written.
        What is masked here is masked in it. A file that is there is written over only by ``overwrite=True``.
        """
        looked = {"selected": self.selected, "compared": self.compared}
        return export(self._opened_backend(), path, **(looked | asked))

    def plot(self, kind: str = "timeline") -> Any:
        """A plot of the open thread, as :meth:`lgviz.History.plot` draws it; a click on a part of it selects
        the checkpoint here.

        Returns:
            A ``plotly.graph_objects.FigureWidget``.

        Raises:
            ThreadNotFound: no thread is open.
            InvalidValue, NotInstalled: as :meth:`lgviz.History.plot`.
        """
        from lgviz.analysis.plots import plot_history

        thread = self._opened_backend().thread
        figure = plot_history(thread.current(), kind, prices=thread.prices)
        import plotly.graph_objects as go

        shown = go.FigureWidget(figure)

        def select(trace: Any, points: Any, _state: Any) -> None:
            history = self.history
            ids = [trace.customdata[index] for index in points.point_inds]
            if ids and history is not None and ids[0] in history:
                self.selected = ids[0]

        for trace in shown.data:
            trace.on_click(select)
        return shown

    def export_svg(self, path: Any) -> FileContents:
        """Write the tree as a picture; a file that is there is written over."""
        return self.export(path, kind="svg", quiet=True, overwrite=True)

    def export_png(self, path: Any) -> FileContents:
        """Write the tree as a PNG picture; a file that is there is written over.

        Raises:
            NotInstalled: without ``pip install 'lgviz[png]'``.
            LgvizError: this machine has no font.
        """
        return self.export(path, kind="png", quiet=True, overwrite=True)

    def _opened_backend(self) -> Backend:
        if self._backend is None or self.history is None:
            raise ThreadNotFound("No thread is open.", "Pick one from the list.")
        return self._backend

    def __repr__(self) -> str:
        source = "closed" if self._backend is None else self._backend.thread.source.description
        return visible(f"<lgviz.Debugger {source}, thread {self.thread_id!r}>")

    def close(self) -> None:
        """Stop answering, end the worker threads, let go of the graph, and remove the widget."""
        backend, self._backend = self._backend, None
        if backend is not None:  # ipywidgets closes also what its constructor refused
            if self._watch is not None:
                self._watch.close()
            backend.close()
        super().close()

    def _static_bundle(self) -> dict[str, str]:
        history = self.history
        if history is None:
            error = self._error or LgvizError("Nothing to show.")
            html, text = str(error_html(error.cause, error.remedy)), str(error)
        else:
            html = static_html(history, selected=self.selected, compared=self.compared)
            text = tree_text(history.tree, selected=self.selected)
        return {
            "text/html": f'<div data-lgviz-static="{self.uid}">{_HIDE_LOST}{html}</div>',
            "text/plain": text,
        }

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else (bundle or {})
        return {**data, **self._static_bundle()}, {}

    def _hear(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if isinstance(content, dict) and content.get("lgviz") == "bundle":
            self._send_bundle()
        elif self._backend is not None:
            self._backend.receive(content)

    def _send_bundle(self) -> None:
        """Send the view's code and style; as a message, for a trait would be saved with each widget."""
        stamp, packed = _bundle()
        self.send({"lgviz": "bundle", "stamp": stamp}, [packed])

    def _announce(self) -> None:
        """Send the first rows, unless they were sent as they are."""
        history = self.history
        if history is None or self._backend is None or not in_notebook():
            return
        now = (history.thread_id, len(history.tree.ids), self.selected)
        if now != self._announced:
            self._announced = now
            self._backend.announce(self.selected)

    def show(self) -> None:
        """Display it here and now. A cell that ends with it does not display it a second time."""
        display(self)
        shell = get_ipython()
        self._shown_in = None if shell is None else shell.execution_count

    def _ipython_display_(self) -> None:
        shell = get_ipython()
        if shell is not None and self._shown_in == shell.execution_count:
            self._shown_in = None
            return
        # Two outputs: a front end that lost the widget's model shows "model not found" in the widget's own
        # output even where HTML lies beside it, so what must outlive the kernel is an output by itself.
        live = in_notebook()
        if live:
            self._announce()
            shown = super()._repr_mimebundle_()
            data = dict((shown[0] if isinstance(shown, tuple) else shown) or {})
            if self._static:  # which says it as text
                data.pop("text/plain", None)
            display(data, raw=True)
        if self._static or not live:
            display(self._static_bundle(), raw=True, display_id=self.uid)
            self._shown = True

    def _forward(self, message: Any, buffers: list[bytes]) -> None:
        """Put a message before the views, and keep what outlives the kernel in step with it."""
        self.send(message, buffers)
        match message:
            case {"event": "run", "body": {"status": status}} if status not in ("running", "stopping"):
                self.refresh_static()
            case {"event": "sandbox", "body": {"sandbox": None}}:
                self._leave_sandbox()

    def _leave_sandbox(self) -> None:
        """Select where the sandbox began, if what was selected is gone with it."""
        history, backend = self.history, self._backend
        if history is not None and backend is not None:
            if self.selected not in history and backend.sandbox.start in history:
                self.selected = backend.sandbox.start
            self._reselect(None)
        self.refresh_static()

    def refresh_static(self) -> None:
        """Write the static view anew, with what has been selected and run since."""
        if self._static and self._shown and self._backend is not None:
            update_display(self._static_bundle(), raw=True, display_id=self.uid)


# Jupyter front ends put the words "model not found" into the widget's output as bare text; nothing else puts
# an element-less .jupyter-widgets there. (A browser drops a rule with :has() inside of :has().)
_HIDE_LOST = (
    "<style>.jp-OutputArea-child:has(> .jp-OutputArea-output.jupyter-widgets)"
    ":not(:has(> .jp-OutputArea-output.jupyter-widgets > *))"
    ":has(+ .jp-OutputArea-child [data-lgviz-static]){display:none}</style>"
)


def in_notebook() -> bool:
    """Whether there is a front end to send to."""
    return hasattr(get_ipython(), "kernel")


@functools.cache
def _bundle() -> tuple[str, bytes]:
    """The stamp of the front end's build, and its code with its style, packed.

    Raises:
        NotInstalled: it was built from other sources than its loader.
    """
    code, loader = ((_STATIC / name).read_bytes() for name in ("widget.js", "loader.js"))
    stamps = [re.match(rb"/\* lgviz (\w+) \*/", text) for text in (code, loader)]
    if stamps[0] is None or stamps[1] is None or stamps[0][1] != stamps[1][1]:
        raise NotInstalled(
            "The debugger's front end is of two builds.", "Install lgviz anew, then restart Python."
        )
    return stamps[0][1].decode(), gzip.compress(code, mtime=0)


def debug(
    what: Any,
    thread_id: str | None = None,
    *,
    store: Any = None,
    config: dict[str, Any] | None = None,
    context: Any = None,
    prices: Prices | None = None,
    height: int = 620,
    static: bool = True,
    agent: bool = False,
    name: str | None = None,
    **options: Unpack[ReadOptions],
) -> Debugger:
    """Open the debugger on a graph, a saver or a database file; see :class:`Debugger` for the arguments.

    >>> from lgviz.demos import two_nodes
    >>> from lgviz.persistence import MemorySaver
    >>> graph = two_nodes.build(MemorySaver())
    >>> two_nodes.seed(graph, thread_id="1")
    >>> dbg = debug(graph, thread_id="1")
    >>> dbg.thread_id
    '1'
    >>> dbg.close()

    Raises:
        SourceError: ``what`` cannot be read.
    """
    more: dict[str, Any] = {"config": config, "context": context, "prices": prices}
    more |= {"height": height, "static": static, "agent": agent}
    return Debugger(what, thread_id, store=store, name=name, **more, **options)
