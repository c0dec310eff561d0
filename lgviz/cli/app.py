"""Where a command of ``lgviz`` is declared, and what all share: how to read, ``--json``, exit codes."""

from __future__ import annotations

import inspect
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lgviz._version import __version__
from lgviz.cli.printing import CommandAnswer, complain, show

if TYPE_CHECKING:
    from lgviz.analysis.history import History
    from lgviz.sources import ReadOptions, Source
    from lgviz.sources.items import ItemReader

__all__ = ["OpenedDatabase", "Thread", "app", "command"]

_TERMINAL = sys.stdout.isatty() and sys.stderr.isatty()
_CLOSED_PIPE = 141
"""As a shell tells of a program that ended because nobody read on (128 + SIGPIPE)."""

app = typer.Typer(
    name="lgviz",
    help="See, compare, search and keep what LangGraph agents remember.\n\n"
    "DB is the path of a SQLite database that lgviz's or LangGraph's savers wrote, a bundle, or a "
    "postgresql://, mysql:// or redis:// URL. Reading never writes to it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if _TERMINAL else None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Thread = Annotated[
    str | None, typer.Option("--thread", "-t", metavar="THREAD", help="The thread; else the newest.")
]
_DB = Annotated[
    str, typer.Argument(metavar="DB", help="A database or a bundle: its path, or a server's URL.")
]
_TRUST = Annotated[
    list[str] | None,
    typer.Option(
        "--trust",
        metavar="MODULE",
        help="A module whose classes stored values may be built into; may be given again.",
    ),
]
_REDACT = Annotated[
    list[str] | None,
    typer.Option(
        "--redact",
        metavar="RULE",
        help="What to mask: a path (messages.*.content, **.api_key) or a pattern between slashes; may be "
        "given again.",
    ),
]
_JSON = Annotated[bool, typer.Option("--json", help="One JSON document, whole, with keys that stay.")]


class OpenedDatabase:
    """The database that a command was given, opened when it is first asked for.

    Args:
        where: the path or URL.
        trust, redact: as on the command line.

    Attributes:
        where: the path or URL.
        options: how it is read.
    """

    def __init__(self, where: str, trust: list[str] | None, redact: list[str] | None) -> None:
        from lgviz.sources.langgraph.detect import file_at

        self.where = where if "://" in where else str(file_at(where))
        self.options: ReadOptions = {"trust": trust or [], "redact": redact or []}
        self._source: Source | None = None

    @property
    def source(self) -> Source:
        """Where its threads are read from."""
        if self._source is None:
            from lgviz.sources import open_source

            self._source = open_source(self.where, **self.options)
        return self._source

    @property
    def items(self) -> ItemReader | None:
        """The items of the store beside its threads; None where there are none."""
        from lgviz.sources.items import plainly
        from lgviz.sources.stores import memory_of

        return memory_of(self.where, None, plainly, **self.options)

    @property
    def threads(self) -> list[str]:
        """All threads, the newest activity first."""
        return [one.thread_id for one in self.source.threads()]

    def history(self, thread_id: str | None) -> History:
        """A thread; the newest where none is named."""
        from lgviz.analysis.history import open_history

        return open_history(self.source, thread_id)

    def close(self) -> None:
        """Release what was opened."""
        if self._source is not None:
            self._source.close()


def command(
    example: str, *, answers: bool = True, name: str | None = None, passes: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a command: this line above a function is all that there is to it.

    The function's name is the command's, its docstring the help; its parameters are read by typer, but for
    one of type :class:`OpenedDatabase`: that becomes the argument ``DB`` with ``--trust`` and ``--redact``.
    Every command gets ``--json``. It returns a :class:`~lgviz.cli.printing.CommandAnswer`, and raises a
    :class:`~lgviz.LgvizError` for what it refuses.

    Args:
        example: a line that shows it, for the help.
        name: the command's, where Python has another use for it.
        answers: whether it has an answer; one that has none goes on until it is ended, without ``--json``.
        passes: whether options that it does not know are among its arguments, to be passed on.
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        own = inspect.signature(function, eval_str=True)
        reads = next((p.name for p in own.parameters.values() if p.annotation is OpenedDatabase), None)

        def run(**given: Any) -> None:
            as_json = given.pop("as_json", False)
            with _told(), _refusals(), ExitStack() as held:
                if reads is not None:
                    opened = OpenedDatabase(*(given.pop(name) for name in ("db", "trust", "redact")))
                    held.callback(opened.close)
                    given[reads] = opened
                answer: CommandAnswer | None = function(**given)
                if answer is not None:
                    show(answer, as_json)
            if answer is not None and answer.code:
                raise typer.Exit(answer.code)

        run.__doc__ = function.__doc__
        run.__signature__ = _signature(own, reads, answers)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in run.__signature__.parameters.values()}  # type: ignore[attr-defined]
        settings = {"ignore_unknown_options": passes}
        app.command(name or function.__name__, epilog=f"Example: {example}", context_settings=settings)(run)
        return function

    return declare


def _signature(own: inspect.Signature, reads: str | None, answers: bool) -> inspect.Signature:
    """What typer reads of a command: its own parameters, and those that all have."""
    kind = inspect.Parameter.KEYWORD_ONLY
    named = [p.replace(kind=kind) for p in own.parameters.values() if p.name != reads]
    shared = [inspect.Parameter("as_json", kind, default=False, annotation=_JSON)] if answers else []
    if reads is not None:
        named.insert(0, inspect.Parameter("db", kind, annotation=_DB))
        shared = [
            inspect.Parameter("trust", kind, default=None, annotation=_TRUST),
            inspect.Parameter("redact", kind, default=None, annotation=_REDACT),
            *shared,
        ]
    return inspect.Signature([*named, *shared])


@contextmanager
def _refusals() -> Iterator[None]:
    """Ends with 1 and one line for what is refused, and quietly where nobody reads on."""
    from lgviz.errors import LgvizError, described

    try:
        yield
    except LgvizError as error:
        complain(str(error))
        raise typer.Exit(1) from None
    except typer.Abort:
        complain("Nothing was done.")
        raise typer.Exit(1) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(_CLOSED_PIPE) from None
    except (typer.Exit, typer.BadParameter):
        raise
    except Exception as error:
        if os.environ.get("LGVIZ_TRACEBACK"):
            raise
        complain(f"{described(error)}. LGVIZ_TRACEBACK=1 shows where; please report it.")
        raise typer.Exit(1) from None


class _Told(logging.Handler):
    """What lgviz logs, as lines on stderr in which nothing hides."""

    def emit(self, record: logging.LogRecord) -> None:
        complain(record.getMessage())


def _version(asked: bool) -> None:
    if asked:
        print(f"lgviz {__version__}")
        raise typer.Exit


@contextmanager
def _told() -> Iterator[None]:
    """What lgviz logs is told on stderr; what packages warn of, for who writes a graph, is not."""
    logger, handler = logging.getLogger("lgviz"), _Told(logging.WARNING)
    before, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
            yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


@app.callback()
def _prepared(
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version, and end.")
    ] = False,
) -> None:
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
