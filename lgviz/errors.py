"""Every error that lgviz raises for a mistake or a fact of the data.

::

    LgvizError
    ├── SourceError                 the thing given cannot be read as a history
    │   ├── NotASource              neither graph, saver, path nor bundle
    │   ├── MissingFile             the path leads nowhere
    │   ├── NotADatabase            the file is no SQLite database
    │   ├── ServerError             a LangGraph server that refuses, fails or cannot be reached
    │   ├── NoCheckpoints           a database or saver without a single checkpoint (or without the tables)
    │   └── NoCheckpointer          a graph compiled without a checkpointer
    ├── NotFound
    │   ├── ThreadNotFound          no such thread (or none named where one is needed)
    │   ├── CheckpointNotFound      no such checkpoint, or deleted meanwhile
    │   └── PartNotFound            the state has no such channel, key, item or message
    ├── PredicateFailed             what was asked of each checkpoint raised
    ├── ActRefused                  nothing was written
    │   ├── ReadOnly                a file or a bare saver asked to fork or run
    │   ├── NoDryRun                what a LangGraph server cannot tell before it is done
    │   ├── InvalidValue            no valid JSON, or a value that its channel refuses
    │   ├── UnknownChannel          a value for a channel that the graph does not have
    │   ├── Unloadable              the graph cannot load the state that is stored, or that an update makes
    │   ├── AmbiguousUpdate         LangGraph cannot tell which node made the update: name ``as_node``
    │   ├── NodeRefused             ``as_node`` or ``goto`` names no node, or its router raised
    │   ├── NothingToRun            the checkpoint has no next node, or no interrupt waits for the answer
    │   ├── OldLangGraph            the installed LangGraph would write into another branch
    │   ├── SandboxEnded            kept or discarded already, or the run was no sandbox
    │   └── MemoryConflict          keeping a sandbox would overwrite memories that it never read
    ├── NoQuestion                  a thread has no such question to ask a learner
    ├── WrongLoop                   an asynchronous saver belongs to another event loop
    ├── FileExists                  a file that would be written over is there
    ├── NotInstalled                a package of an extra, or the built front end, is missing
    └── PersistenceError            a saver cannot do what was asked; nothing was written
        ├── ForeignTables           the database holds only LangGraph's tables: migrate it
        ├── NewerSchema             the tables were made by a newer lgviz
        ├── ThreadExists            a thread that was to be made has checkpoints already
        ├── NotKept                 a value that could not be read back equal; names channel and node
        ├── BadNamespace            LangGraph's ``InvalidNamespaceError`` with its remedy
        ├── BadKey                  a store's key that is no text
        ├── BadItem                 a store's value that is no dict, or a time to live that is no number
        ├── BadFilter               a search's filter with an unknown operator, a limit that is no number
        ├── BadMoment               what names no time to look back to
        ├── DamagedData             stored bytes that do not match their hash, or cannot be read
        ├── InvalidIndex            a store's ``index`` that cannot be, or a value it cannot embed
        ├── EmbeddingFailed         the embedding raised, or gave what is not a vector of the index's dims
        ├── IndexChanged            stored vectors were made by another embedding: ``store.reindex()``
        └── Unavailable             locked, full, or the connection was lost

Every message names the cause; :attr:`LgvizError.remedy` says what to do. ``str(error)`` holds both.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from copy import copy
from html import escape
from typing import Any, Self

from langgraph.store.base import InvalidNamespaceError

from lgviz._visible import visible

__all__ = [
    "ActRefused",
    "AmbiguousUpdate",
    "BadFilter",
    "BadItem",
    "BadKey",
    "BadMoment",
    "BadNamespace",
    "CheckpointNotFound",
    "DamagedData",
    "EmbeddingFailed",
    "FileExists",
    "ForeignTables",
    "IndexChanged",
    "InvalidIndex",
    "InvalidValue",
    "LgvizError",
    "MemoryConflict",
    "MissingFile",
    "NewerSchema",
    "NoCheckpointer",
    "NoCheckpoints",
    "NoDryRun",
    "NoQuestion",
    "NodeRefused",
    "NotADatabase",
    "NotASource",
    "NotFound",
    "NotInstalled",
    "NotKept",
    "NothingToRun",
    "OldLangGraph",
    "PartNotFound",
    "PersistenceError",
    "ReadOnly",
    "SandboxEnded",
    "ServerError",
    "SourceError",
    "ThreadExists",
    "ThreadNotFound",
    "Unavailable",
    "UnknownChannel",
    "Unloadable",
    "WrongLoop",
]


def listed(names: Iterable[Any], most: int = 20, last: str = "and", total: int = 0) -> str:
    """Names in a sentence.

    Args:
        names: what is named.
        most: how many are, the others are counted.
        last: the word before the last.
        total: how many there are, where ``names`` are not all.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(["a", "b", "c"], most=2), listed("ab", last="or")
    ("'a'", "'a', 'b' and 'c'", "'a', 'b' and 1 more", "'a' or 'b'")
    """
    each = [repr(name) for name in names]
    total = max(total, len(each))
    if total > most:
        each = [*each[:most], f"{total - most:,} more"]
    return f" {last} ".join(filter(None, [", ".join(each[:-1]), *each[-1:]]))


def said(error: BaseException) -> str:
    """The text of an exception, also of one whose own ``__str__`` is at fault.

    >>> class Code(Exception):
    ...     def __str__(self):
    ...         return self.kode
    >>> said(ValueError("no")), said(Code(3))
    ('no', 'Code(3) (its __str__ raised AttributeError)')
    """
    try:
        return str(error)
    except Exception as fault:
        wrong = f"its __str__ raised {type(fault).__name__}"
    try:
        return f"{error!r} ({wrong})"
    except Exception:
        return wrong


def described(error: BaseException) -> str:
    """The class of an exception and its text, as the last line of a traceback has them.

    >>> described(KeyError("a"))
    "KeyError: 'a'"
    """
    return f"{type(error).__name__}: {said(error)}"


def printed(error: BaseException) -> str:
    """The traceback of an exception, as Python prints it; where it was raised, if it cannot be printed."""
    try:
        return "".join(traceback.format_exception(error))
    except Exception:
        return "".join([*traceback.format_tb(error.__traceback__), described(error)])


class LgvizError(Exception):
    """Base of all errors of lgviz.

    >>> error = LgvizError("There is no thread '7'.", "There is '1'.")
    >>> str(error), error.cause, error.remedy
    ("There is no thread '7'. There is '1'.", "There is no thread '7'.", "There is '1'.")

    Args:
        cause: one sentence that says what is wrong.
        remedy: one sentence that says what to do about it; may be empty.
    """

    def __init__(self, cause: str, remedy: str = "") -> None:
        self.cause = visible(cause)
        self.remedy = visible(remedy)
        super().__init__(f"{self.cause} {self.remedy}".strip())

    def reworded(self, words: Callable[[str], str]) -> Self:
        """This error with its texts put through ``words``; itself where they stay as they are."""
        cause, remedy = words(self.cause), words(self.remedy)
        if (cause, remedy) == (self.cause, self.remedy):
            return self
        made = copy(self)
        LgvizError.__init__(made, cause, remedy)
        return made

    def _repr_html_(self) -> str:
        return f"<div><b>{escape(self.cause)}</b> {escape(self.remedy)}</div>"

    def _render_traceback_(self) -> list[str]:
        # IPython asks this before it prints a traceback: a user's mistake needs the sentence alone.
        return [f"{type(self).__name__}: {self.cause}", *([self.remedy] if self.remedy else [])]


class SourceError(LgvizError):
    """The thing given cannot be read as a history."""


class NotASource(SourceError):
    """Neither a graph, a saver, a path nor a bundle."""

    @classmethod
    def of(cls, what: Any, wanted: str, remedy: str) -> NotASource:
        """The error for what was given in place of a graph, a saver or a store.

        Args:
            what: what was given.
            wanted: what it is not, as a noun.
            remedy: what to give, where ``what`` itself does not tell.
        """
        if isinstance(what, (AbstractContextManager, AbstractAsyncContextManager)):
            awaited = "async " if isinstance(what, AbstractAsyncContextManager) else ""
            return cls(
                "LangGraph's from_conn_string() makes a context manager, "
                f"which is no {wanted} until it is entered.",
                f"Enter it, and give what `{awaited}with ….from_conn_string(…) as …:` names.",
            )
        if hasattr(what, "compile"):
            return cls(f"A {type(what).__name__} is not compiled yet.", "Give what its compile() returns.")
        if isinstance(what, type):
            return cls(f"{what.__name__} is a class.", f"Give an instance: {what.__name__}(…).")
        return cls(f"{type(what).__name__} is no {wanted}.", remedy)


class MissingFile(SourceError):
    """The path leads nowhere."""


class NotADatabase(SourceError):
    """The file is no SQLite database."""


class ServerError(SourceError):
    """A LangGraph server that refuses, fails, cannot be reached, or does not answer as one."""


class NoCheckpoints(SourceError):
    """A database or saver without a single checkpoint."""


class NoCheckpointer(SourceError):
    """A graph that was compiled without a checkpointer."""


class NotFound(LgvizError):
    """Something named does not exist."""


class ThreadNotFound(NotFound):
    """No such thread, or none named where one is needed."""


class CheckpointNotFound(NotFound):
    """No such checkpoint, or it was deleted meanwhile."""


class PartNotFound(NotFound):
    """The state has no such channel, key, item or message."""


class PredicateFailed(LgvizError):
    """What was asked of each checkpoint raised."""


class ActRefused(LgvizError):
    """A fork, preview or run that cannot be; nothing was written."""


class ReadOnly(ActRefused):
    """A file or a bare saver was asked to fork or run."""


class NoDryRun(ActRefused):
    """A preview on a LangGraph server, which makes none, without the graph at hand that could."""


class InvalidValue(ActRefused):
    """A value that is no valid JSON, or that its channel refuses.

    Attributes:
        refused: which parts of the values are refused, as :class:`lgviz.protocol.RefusedPart` has them.
    """

    def __init__(self, cause: str, remedy: str = "", refused: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(cause, remedy)
        self.refused = list(refused)


class UnknownChannel(ActRefused):
    """A value for a channel that the graph does not have."""


class Unloadable(ActRefused):
    """A state that the graph cannot load: a channel, or the model of a waiting node, refuses it."""


class AmbiguousUpdate(ActRefused):
    """LangGraph cannot tell which node made the update: ``as_node`` must be named."""


class NodeRefused(ActRefused):
    """``as_node`` or ``goto`` names no node, or the node's router raised."""


class EffectRefused(ActRefused):
    """A node that is marked as having effects would run again in a replay."""


class NothingToRun(ActRefused):
    """The checkpoint has no next node, or no interrupt waits for the answer."""


class OldLangGraph(ActRefused):
    """The installed LangGraph would write what was asked into another branch."""


class SandboxEnded(ActRefused):
    """A sandbox that was kept or discarded already, or a run that was none."""


class MemoryConflict(ActRefused):
    """Keeping a sandbox would overwrite memories that it never read.

    Attributes:
        changes: what is in the store now (``before``), and what would take its place (``after``).
    """

    changes: Sequence[Any] = ()

    @classmethod
    def of(cls, changes: Sequence[Any]) -> MemoryConflict:
        """The conflict of these changes."""
        names = [f"{'/'.join(change.namespace)}: {change.key}" for change in changes]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        error = cls(
            f"Changed in the store since the sandbox read it: {', '.join(names[:5])}{more}.",
            "Keep with overwrite=True to write over it, or discard the sandbox.",
        )
        error.changes = changes
        return error


class NoQuestion(LgvizError):
    """A question that cannot be made from a thread (:mod:`lgviz.learn`)."""


class WrongLoop(LgvizError):
    """An asynchronous saver belongs to another event loop."""


class FileExists(LgvizError, FileExistsError):
    """A file that would be written over is there."""


class NotInstalled(LgvizError, ImportError):
    """Something that is installed or built apart is missing."""


class PersistenceError(LgvizError):
    """A saver cannot do what was asked; nothing was written."""


class ForeignTables(PersistenceError):
    """The database holds only LangGraph's own tables."""


class NewerSchema(PersistenceError):
    """The tables were made by a newer version of lgviz."""


class ThreadExists(PersistenceError):
    """A thread that was to be made has checkpoints already."""


class NotKept(PersistenceError):
    """A value that could not be read back equal, so it was not stored."""


class BadNamespace(PersistenceError, InvalidNamespaceError):
    """A store's namespace that LangGraph does not allow."""


class BadKey(PersistenceError, TypeError):
    """A store's key that is no text."""


class BadItem(PersistenceError, TypeError):
    """A store's value that is no dict, or a time to live that is no number."""


class BadFilter(PersistenceError, ValueError):
    """A search's filter that has an unknown operator, or is no dict of fields."""


class BadMoment(PersistenceError, ValueError):
    """Something that names no time to look back to."""


class DamagedData(PersistenceError):
    """Stored bytes that do not match their hash, or cannot be read."""


class InvalidIndex(PersistenceError):
    """A store's ``index`` that cannot be, or a value that it cannot embed."""


class EmbeddingFailed(PersistenceError):
    """The embedding raised, or gave what is not a vector of the index's dimensions."""


class IndexChanged(PersistenceError):
    """The stored vectors were made by another embedding: they must be made anew."""


class Unavailable(PersistenceError):
    """The database is locked or full, or the connection to it was lost."""


@contextmanager
def needing(package: str, extra: str) -> Iterator[None]:
    """Says of an import that fails within it which extra of lgviz brings the package.

    Raises:
        NotInstalled: the import failed.
    """
    try:
        yield
    except ImportError as error:
        raise NotInstalled(f"{package} is not installed.", f"Run: pip install 'lgviz[{extra}]'.") from error
