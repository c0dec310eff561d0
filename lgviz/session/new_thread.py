"""A fork into a thread of its own: shared where the saver can, else copied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from lgviz.analysis.shown import ShownByFields
from lgviz.errors import ActRefused, ThreadExists
from lgviz.persistence.savers.saver import Saver
from lgviz.sources import open_source
from lgviz.sources.places import Address, config_of
from lgviz.transfer.progress import Show, progress_bar
from lgviz.transfer.threads import ThreadCopy, path_places

from .claims import thread_claimed
from .effects import Act, call
from .overlay import OverlaySaver
from .saver_proxy import below
from .target import GraphTarget, Position

__all__ = ["NewThread", "Show", "copying"]


@dataclass(repr=False)
class NewThread(ShownByFields):
    """A thread that is about to be made of the path to a checkpoint.

    Args:
        thread_id: of the new thread; None: none is to be made.
        show: told how far a copy is.
    """

    thread_id: str | None
    show: Show | None = field(default=None, repr=False)
    _begun: bool = field(default=False, init=False)
    _copied: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.thread_id = None if self.thread_id is None else str(self.thread_id)

    def make(self, position: Position) -> Act[Position]:
        """Make the thread; gives the checkpoint in it.

        Raises:
            ThreadExists: there is such a thread.
            ActRefused: the checkpoint is in a sandbox.
        """
        assert self.thread_id is not None
        saver = below(position.target.saver)
        if isinstance(saver, OverlaySaver):
            raise ActRefused("A sandbox holds one thread.", "Keep it first, or fork the thread itself.")
        new = config_of(self.thread_id, position.namespace, position.id)
        if isinstance(saver, Saver):
            yield from call(saver, "fork_thread", position.config, self.thread_id)
            self._begun = True
        else:
            with thread_claimed(saver, self.thread_id):
                yield from self._copy(position)
        parent = position.saved.parent_config
        saved = position.saved._replace(
            config=new,
            parent_config=parent
            and config_of(self.thread_id, position.namespace, parent["configurable"]["checkpoint_id"]),
        )
        return replace(position, saved=saved)

    def _copy(self, position: Position) -> Act[None]:
        assert self.thread_id is not None
        saver = position.target.saver
        if (yield from call(saver, "get_tuple", config_of(self.thread_id))) is not None:
            raise ThreadExists(f"Thread {self.thread_id!r} has checkpoints already.", "Take a new thread id.")
        at = Address(position.thread_id, position.namespace, position.id)
        source = open_source(position.target.given)
        copy = ThreadCopy(source, path_places(source, at), self.thread_id)
        for done, puts in enumerate(copy.puts(), 1):
            self._begun = True
            for name, args in puts:
                yield from call(saver, name, *args)
            self._copied = done
            if self.show is not None:
                self.show(done, len(copy))

    def last_word(self) -> None:
        """Hear once more, when all is done, whether what was copied is to be stopped."""
        if self._copied and self.show is not None:
            self.show(self._copied, self._copied)

    def undo(self, here: GraphTarget) -> Act[None]:
        """Delete what was made of the thread."""
        if self._begun:
            yield from call(below(here.saver), "delete_thread", self.thread_id)


@contextmanager
def copying(thread_id: str | None) -> Iterator[NewThread]:
    """A thread to be made, or none; a copy that takes longer than a moment shows how far it is."""
    if thread_id is None:
        yield NewThread(None)
        return
    with progress_bar("copying the thread", delay=0.5, leave=False) as show:
        yield NewThread(thread_id, show)
