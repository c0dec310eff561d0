"""``%lgviz`` and ``%%lgviz``: parse arguments and show the debugger; no logic of their own (floor 6)."""

from __future__ import annotations

import re
from contextlib import closing
from functools import reduce
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from traitlets import Bool, Int, observe

from lgviz.analysis.history import complete_by_tab, open_history
from lgviz.automatic import CellDebuggers, key_of
from lgviz.backend import Backend
from lgviz.completion import SUFFIXES, complete_magic, is_debuggable, unquoted
from lgviz.errors import LgvizError, described
from lgviz.files import export
from lgviz.reuse.models import ModelCalls
from lgviz.sources.langgraph.detect import without_password
from lgviz.verbs import VERBS, ask
from lgviz.widget import Debugger, debug

__all__ = ["LgvizMagics", "load"]

_OF_QUESTIONS = ("as_node", "note", "live", "stats")
"""Options that only questions take."""
"""Who opens a database by URL: copied code must not tell. psycopg takes it from PGUSER and ~/.pgpass."""


@magics_class
class LgvizMagics(Magics):
    """The magics ``%lgviz`` and ``%%lgviz``; ``%config LgvizMagics`` shows and sets what holds for all."""

    on = Bool(False, help="Show the debugger of each graph that ran in a cell under it (%lgviz on).").tag(
        config=True
    )
    most = Int(3, min=1, help="How many debuggers appear by themselves under one cell.").tag(config=True)
    height = Int(620, min=120, help="Height of a debugger in pixels, where --height does not say.").tag(
        config=True
    )
    static = Bool(True, help="Also show the static view that outlives the kernel.").tag(config=True)

    agent = Bool(False, help="Mark the checkpoints that a coding agent looks at by `lgviz mcp`.").tag(
        config=True
    )

    record_models = Bool(
        False, help="Record what models answer inside nodes of lgviz's runs (lgviz.ModelRecordings)."
    ).tag(config=True)

    def __init__(self, shell: InteractiveShell | None = None, **traits: Any) -> None:
        super().__init__(shell, **traits)
        assert shell is not None
        self._last: Debugger | None = None
        self.cells = CellDebuggers(shell, self._opened, lambda: self.on)
        self.switch()

    @observe("on", "most")
    def switch(self, _change: Any = None) -> None:
        """Listen to runs, or listen no longer."""
        if cells := getattr(self, "cells", None):
            cells.most = self.most
            cells.start() if self.on else cells.stop()

    @observe("record_models")
    def _record_models(self, _change: Any) -> None:
        ModelCalls.always = self.record_models

    # Each option is said once: the parser and the completer read it here, and ``dest`` is the parameter of
    # :func:`debug` that it becomes.
    @magic_arguments()
    @argument(
        "what",
        nargs="?",
        help="a compiled graph, a saver, or the path or URL of a checkpoint database; on: from now on show "
        "under each cell the debugger of the graphs that ran in it; off: no longer; export: write a file; "
        f"or a question to a thread: {', '.join(VERBS)}",
    )
    @argument(
        "file",
        nargs="*",
        help="after export and after a question: the graph, saver or database that is meant (default: the "
        "debugger shown last); then for export the file, whose ending says as what: .html a page to read in, "
        ".lgviz a bundle, .md, .svg, .png, .mmd, .dot; for a question what it takes: diff c3 c7",
    )
    @argument("--overwrite", action="store_true", help="after export: write over a file that is there")
    @argument(
        "-t",
        "--thread",
        dest="thread_id",
        metavar="THREAD",
        help="the thread to open; without it the newest opens and a picker lists all",
    )
    @argument("-s", "--store", help="the store whose items the Memory tab shows (default: the graph's)")
    @argument(
        "--trust",
        action="append",
        default=[],
        metavar="MODULE",
        help="a module whose classes a file's values may be built into; may be given again",
    )
    @argument(
        "--redact",
        action="append",
        default=[],
        metavar="RULE",
        help='what is masked in all that is shown: a path such as "messages.*.content" or "**.api_key", or '
        "the variable of a compiled pattern, a function or a list; may be given again",
    )
    @argument(
        "--graph",
        help="of a LangGraph server, the same graph here, which previews forks: a variable, app:graph, or "
        "the path of a langgraph.json",
    )
    @argument(
        "--agent",
        action="store_true",
        help="mark the checkpoints that a coding agent looks at by `lgviz mcp` (default: LgvizMagics.agent)",
    )
    @argument("--as-node", metavar="NODE", help="after fork: the node in whose name the update is made")
    @argument("--note", help="after fork: why, for whoever reads the tree later")
    @argument(
        "--live",
        action="append",
        default=[],
        metavar="NODE",
        help="after replay: a node whose code has changed, which always runs; may be given again",
    )
    @argument(
        "--stats", action="store_true", help="after threads: how long each took, how big it is, what failed"
    )
    @argument("--height", type=int, help="height in pixels (default: LgvizMagics.height, 620)")
    @argument(
        "--no-static",
        dest="static",
        action="store_false",
        help="leave out the static view that outlives the kernel",
    )
    @line_cell_magic
    def lgviz(self, line: str, cell: str | None = None) -> Any:
        """Show the time-travel debugger on a graph, a saver or a database file, wherever in a cell it stands;
        or ask a thread a question (``lgviz/verbs.py`` has them), whose answer is what the line returns.

        As ``%%lgviz``, on what runs in this cell. ``%lgviz on`` does so for every cell, until ``%lgviz off``.

        Examples::

            %lgviz graph --thread 1
            dbg = %lgviz graph --thread 1
            %lgviz checkpoints.db
            %lgviz postgresql://user@host/database
            %lgviz http://localhost:2024 --graph app:graph
            %lgviz diff c3 c7
            %lgviz diff graph c3 c7 --thread 1
            %lgviz fork c3 "{'city': 'Rome'}" --as-node tools
            %lgviz replay graph checkpoints.db --live agent
            %lgviz threads checkpoints.db --stats
            %lgviz on
            %lgviz export thread.html
            %lgviz export checkpoints.db thread.html --thread 1
        """
        subject, options = self._parsed(line)
        named, overwrite = options.pop("file"), options.pop("overwrite")
        asked = {name: options.pop(name) for name in _OF_QUESTIONS}
        if cell is None and subject == "export":
            self._export(named, options, overwrite)
            return None
        if cell is None and subject and subject in VERBS and not self._is_subject(subject):
            return self._answer(subject, named, {**options, **asked})
        if misplaced := [name for name, value in asked.items() if value]:
            raise UsageError(f"--{misplaced[0].replace('_', '-')} goes with a question: see %lgviz?")
        if named:
            raise UsageError(f"unrecognized arguments: {' '.join(named)}")
        if cell is not None:
            self._this_cell(subject, options, cell)
            return None
        if subject in ("on", "off"):
            self.cells.options = options
            self.on = subject == "on"
            return None
        if not subject:
            raise UsageError("%lgviz needs a graph, a saver or a database file: %lgviz graph --thread 1")
        try:
            what, name = self._subject(subject)
            debugger = self._opened(what, name=name, **options)
        except LgvizError as error:
            raise UsageError(str(error)) from None  # the cell fails with this one line
        debugger.show()
        self.cells.shown.add(key_of(what))
        return debugger

    def _answer(self, word: str, named: list[str], options: dict[str, Any]) -> Any:
        """The answer to a question, of the thread that is named or of the debugger shown last."""
        try:
            options["evaluated"] = self._evaluated
            if named and self._is_subject(named[0]):
                reading = {name: options[name] for name in ("thread_id", "trust", "redact")}
                history = open_history(self._subject(named.pop(0))[0], **reading)
            elif self._last is not None and self._last.history is not None:
                history = self._last.history
                history.refresh()
            else:
                raise UsageError(f"No debugger was shown yet: name the graph after {word}.")
            return ask(word, history, [str(unquoted(each)) for each in named], options)
        except LgvizError as error:
            raise UsageError(str(error)) from None

    def _evaluated(self, text: str) -> Any:
        """The value of an expression that was typed."""
        assert self.shell is not None
        try:
            return self.shell.ev(text)
        except Exception as error:
            raise UsageError(f"{text} raised {described(error)}. Give a Python expression.") from None

    def _export(self, named: list[str], options: dict[str, Any], overwrite: bool) -> None:
        """Write a file; what it contains is printed before."""
        if not 1 <= len(named) <= 2:
            raise UsageError("%lgviz export needs a file: %lgviz export graph thread.html --thread 1")
        path = Path(str(unquoted(named[-1])))
        what = self._last if len(named) == 1 else self._subject(named[0])[0]
        if what is None:
            raise UsageError("No debugger was shown yet: %lgviz export graph thread.html --thread 1")
        try:
            if isinstance(what, Debugger):
                self._of_debugger(what, path, options, overwrite)
                return
            given = {name: options[name] for name in ("store", "trust", "redact")}
            with closing(Backend(what, **given)) as backend:
                backend.thread.open(options["thread_id"])
                export(backend, path, overwrite=overwrite)
        except LgvizError as error:
            raise UsageError(str(error)) from None

    def _of_debugger(self, debugger: Debugger, path: Path, options: dict[str, Any], overwrite: bool) -> None:
        if options["thread_id"] not in (None, debugger.thread_id):
            raise UsageError("A debugger exports the thread that is open in it: name the graph for another.")
        debugger.export(path, redact=options["redact"], overwrite=overwrite)

    def _this_cell(self, subject: str | None, options: dict[str, Any], cell: str) -> None:
        if subject:
            raise UsageError(f"%%lgviz shows what its cell runs, and takes options only, not {subject!r}.")
        assert self.shell is not None
        self.cells.start()
        self.cells.once = options
        if cell.strip():  # called as a function; in a cell :func:`_in_place` leaves the lines where they are
            self.shell.run_cell(cell).raise_error()

    def _parsed(self, line: str) -> tuple[str | None, dict[str, Any]]:
        """What is to be shown, and the options that were given."""
        try:
            options = vars(parse_argstring(self.lgviz, line))
        except ValueError as error:
            raise UsageError(f"%lgviz cannot be read: {error}. Close the quotation.") from None
        options["thread_id"] = unquoted(options["thread_id"])
        if options["store"] is not None:
            options["store"], _ = self._subject(options["store"])
        if options["graph"] is not None:
            assert self.shell is not None
            options["graph"] = self.shell.user_ns.get(options["graph"], unquoted(options["graph"]))
        options["redact"] = [rule for text in options["redact"] for rule in self._rules(text)]
        return options.pop("what"), options

    def _rules(self, text: str) -> list[Any]:
        """The rules that an argument names: those of a variable, else a path."""
        assert self.shell is not None
        held = self.shell.user_ns.get(text)
        if isinstance(held, (list, tuple)):
            return list(held)
        return [held] if callable(held) or isinstance(held, re.Pattern) else [unquoted(text)]

    def _opened(self, what: Any, **options: Any) -> Debugger:
        options["height"] = options.get("height") or self.height
        options["static"] = options.get("static", True) and self.static
        options["agent"] = options.get("agent", False) or self.agent
        self._last = debug(what, **options)
        return self._last

    def _is_subject(self, text: str) -> bool:
        """Whether a word after a question names what can be opened; labels and paths of values do not."""
        path = str(unquoted(text))
        if "://" in path or path.endswith(SUFFIXES) or Path(path).is_file():
            return True
        assert self.shell is not None
        name, *attributes = text.split(".")
        value = self.shell.user_ns.get(name)
        return is_debuggable(reduce(lambda held, each: getattr(held, each, None), attributes, value))

    def _subject(self, text: str) -> tuple[Any, str]:
        """The object that the first argument names, and the Python expression for it."""
        path = unquoted(text)
        assert path is not None
        if "://" in path:
            return path, repr(without_password(path))
        if path != text or path.endswith(SUFFIXES) or Path(path).is_file():
            return path, repr(path)
        assert self.shell is not None
        try:
            return self.shell.ev(text), text
        except (NameError, AttributeError, SyntaxError) as error:
            raise UsageError(
                f"%lgviz: {text!r} is neither a variable nor a database file ({error}). "
                "Run the cell that defines it, or quote the path."
            ) from None


_CELL = re.compile(r"%%lgviz(?:[ \t]+(.*))?$")


def _in_place(lines: list[str]) -> list[str]:
    """A cell that begins with ``%%lgviz``, with that line said as a call.

    So the rest is a cell like any other: it may await, its errors are its own, its last value is displayed. A
    cell magic gets its cell as a text, and can only run it inside of itself.
    """
    found = _CELL.match(lines[0].rstrip()) if lines else None
    if found is None:
        return lines
    return [f"get_ipython().run_cell_magic('lgviz', {found[1] or ''!r}, ' ')\n", *lines[1:]]


def load(shell: InteractiveShell) -> None:
    """Register ``%lgviz`` and its completer in an IPython shell. Nothing else happens, but where
    ``LgvizMagics.on`` is configured."""
    magics = shell.magics_manager.registry.get("LgvizMagics")
    if isinstance(magics, LgvizMagics):
        magics.switch()  # loaded before: what was set stays
    else:
        magics = LgvizMagics(shell)
    shell.register_magics(magics)
    if _in_place not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(_in_place)
    complete_magic(shell, LgvizMagics.lgviz.parser)
    complete_by_tab()


def unload(shell: InteractiveShell) -> None:
    """Take back what shows debuggers by themselves; IPython keeps the magic until it ends."""
    magics = shell.magics_manager.registry.get("LgvizMagics")
    if isinstance(magics, LgvizMagics):
        magics.cells.stop()
    if _in_place in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.remove(_in_place)
