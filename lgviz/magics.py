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

from lgviz.errors import LgvizError
from lgviz.sources import open_source
from lgviz.widget import Debugger, debug

__all__ = ["LgvizMagics", "load"]

_SUFFIXES = (".db", ".sqlite", ".sqlite3")
_PASSWORD = re.compile(r"(?<=//)[^?]*@|(?<=[?&])password=[^&]*&?")
"""Who opens a database by URL: copied code must not tell. psycopg takes it from PGUSER and ~/.pgpass."""


@magics_class
class LgvizMagics(Magics):
    """The line magic ``%lgviz``."""

    # Each option is said once: the parser and the completer read it here, and ``dest`` is the parameter of
    # :func:`debug` that it becomes.
    @magic_arguments()
    @argument(
        "what", nargs="?", help="a compiled graph, a saver, or the path or URL of a checkpoint database"
    )
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
    @argument("--height", type=int, default=620, help="height in pixels (default: 620)")
    @argument(
        "--no-static",
        dest="static",
        action="store_false",
        help="leave out the static view that outlives the kernel",
    )
    @line_magic
    def lgviz(self, line: str) -> Debugger:
        """Show the time-travel debugger on a graph, a saver or a database file, wherever in a cell it stands.

        Examples::

            %lgviz graph --thread 1
            dbg = %lgviz graph --thread 1
            %lgviz checkpoints.db
            %lgviz postgresql://user@host/database
        """
        try:
            arguments = parse_argstring(self.lgviz, line)
        except ValueError as error:
            raise UsageError(f"%lgviz cannot be read: {error}. Close the quotation.") from None
        options = vars(arguments)
        subject = options.pop("what")
        if not subject:
            raise UsageError("%lgviz needs a graph, a saver or a database file: %lgviz graph --thread 1")
        try:
            what, name = self._subject(subject)
            options["thread_id"] = _unquoted(options["thread_id"])
            if options["store"] is not None:
                options["store"], _ = self._subject(options["store"])
            debugger = debug(what, name=name, **options)
        except LgvizError as error:
            raise UsageError(str(error)) from None  # the cell fails with this one line
        debugger.show()
        return debugger

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
    options = [o for o in LgvizMagics.lgviz.parser._option_string_actions if o.startswith("--")]
    words = event.text_until_cursor.split()
    typing = "" if event.text_until_cursor.endswith(" ") else words[-1]
    done = words[1:] if not typing else words[1:-1]
    if done and done[-1] in ("-t", "--thread"):
        found = _threads(shell, done[0])
    elif done or typing.startswith("-"):
        found = options
    else:
        found = [n for n, v in shell.user_ns.items() if not n.startswith("_") and _debuggable(v)]
        found += [str(p) for p in sorted(Path().glob("*")) if p.suffix in _SUFFIXES]
    return [each for each in found if each.startswith(typing)]


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
