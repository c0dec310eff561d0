"""``%lgviz``: parses its arguments and shows the debugger; holds no logic of its own (floor 6)."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display

from lgviz.errors import LgvizError
from lgviz.export.error import error_html
from lgviz.sources import open_source
from lgviz.widget import Debugger, debug

__all__ = ["LgvizMagics", "load"]

_SUFFIXES = (".db", ".sqlite", ".sqlite3")
_PASSWORD = re.compile(r"(?<=//)[^?]*@|(?<=[?&])password=[^&]*&?")
"""Who opens a database by URL: copied code must not tell. psycopg takes it from PGUSER and ~/.pgpass."""


@magics_class
class LgvizMagics(Magics):
    """The line magic ``%lgviz``."""

    @magic_arguments()
    @argument(
        "what", nargs="?", help="a compiled graph, a saver, or the path or URL of a checkpoint database"
    )
    @argument("-t", "--thread", help="the thread to open; without it the newest opens and a picker lists all")
    @argument("-s", "--store", help="the store whose items the Memory tab shows (default: the graph's)")
    @argument("--height", type=int, default=620, help="height in pixels (default: 620)")
    @argument("--no-static", action="store_true", help="leave out the static view that outlives the kernel")
    @line_magic
    def lgviz(self, line: str) -> Debugger | None:
        """Show the time-travel debugger on a graph, a saver or a database file.

        Examples::

            %lgviz graph --thread 1
            %lgviz checkpoints.db
            %lgviz postgresql://user@host/database
        """
        try:
            arguments = parse_argstring(self.lgviz, line)
        except ValueError as error:
            raise UsageError(f"%lgviz cannot be read: {error}. Close the quotation.") from None
        if not arguments.what:
            raise UsageError("%lgviz needs a graph, a saver or a database file: %lgviz graph --thread 1")
        try:
            what, name = self._subject(arguments.what)
            return debug(
                what,
                thread_id=_unquoted(arguments.thread),
                store=None if arguments.store is None else self._subject(arguments.store)[0],
                height=arguments.height,
                static=not arguments.no_static,
                name=name,
            )
        except LgvizError as error:
            plain = "\n".join(error._render_traceback_())
            display({"text/html": error_html(error.cause, error.remedy), "text/plain": plain}, raw=True)
            return None

    def _subject(self, text: str) -> tuple[Any, str]:
        """The object that the first argument names, and the Python expression for it."""
        path = _unquoted(text)
        assert path is not None
        if "://" in path:
            return path, repr(_PASSWORD.sub("", path))
        if path != text or path.endswith(_SUFFIXES) or Path(path).is_file():
            return path, repr(path)
        assert self.shell is not None
        try:
            return self.shell.ev(text), text
        except (NameError, AttributeError, SyntaxError) as error:
            raise UsageError(
                f"%lgviz: {text!r} is neither a variable nor a database file ({error}). "
                "Run the cell that defines it, or quote the path."
            ) from None


def load(shell: InteractiveShell) -> None:
    """Register ``%lgviz`` and its completer in an IPython shell. Nothing else happens."""
    shell.register_magics(LgvizMagics)
    shell.set_hook("complete_command", _complete, str_key="%lgviz")
    shell.set_hook("complete_command", _complete, str_key="lgviz")


def _complete(shell: InteractiveShell, event: Any) -> list[str]:
    """Graph and saver variables for the first word, thread ids after ``--thread``, else the options."""
    words = event.text_until_cursor.split()
    typing = "" if event.text_until_cursor.endswith(" ") else words[-1]
    done = words[1:] if not typing else words[1:-1]
    if done and done[-1] in ("-t", "--thread"):
        return [t for t in _threads(shell, done[0]) if t.startswith(typing)]
    if typing.startswith("-"):
        return [o for o in ("--thread", "--store", "--height", "--no-static") if o.startswith(typing)]
    names = [n for n, v in shell.user_ns.items() if not n.startswith("_") and _debuggable(v)]
    files = [str(p) for p in sorted(Path().glob("*")) if p.suffix in _SUFFIXES]
    return [n for n in (*names, *files) if n.startswith(typing)] if not done else ["--thread", "--height"]


def _threads(shell: InteractiveShell, subject: str) -> list[str]:
    what = shell.user_ns.get(subject, _unquoted(subject))
    try:
        source = open_source(what)
    except LgvizError:
        return []
    try:
        return [
            t if t.isidentifier() or t.isdigit() else repr(t) for t in (i.thread_id for i in source.threads())
        ]
    finally:
        source.close()


def _debuggable(value: Any) -> bool:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.pregel import Pregel

    return isinstance(value, (Pregel, BaseCheckpointSaver))


def _unquoted(text: str | None) -> str | None:
    if text and text[0] in "'\"":
        try:
            return str(ast.literal_eval(text))
        except (SyntaxError, ValueError):
            return text
    return text
