"""``%lgviz``: parses its arguments and shows the debugger; holds no logic of its own (floor 6)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from lgviz.completion import SUFFIXES, complete_magic, unquoted
from lgviz.errors import LgvizError
from lgviz.widget import Debugger, debug

__all__ = ["LgvizMagics", "load"]

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
            options["thread_id"] = unquoted(options["thread_id"])
            if options["store"] is not None:
                options["store"], _ = self._subject(options["store"])
            debugger = debug(what, name=name, **options)
        except LgvizError as error:
            raise UsageError(str(error)) from None  # the cell fails with this one line
        debugger.show()
        return debugger

    def _subject(self, text: str) -> tuple[Any, str]:
        """The object that the first argument names, and the Python expression for it."""
        path = unquoted(text)
        assert path is not None
        if "://" in path:
            return path, repr(_PASSWORD.sub("", path))
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


def load(shell: InteractiveShell) -> None:
    """Register ``%lgviz`` and its completer in an IPython shell. Nothing else happens."""
    shell.register_magics(LgvizMagics)
    complete_magic(shell, LgvizMagics.lgviz.parser)
