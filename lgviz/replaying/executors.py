"""Many pieces of work, here or by an executor, with a bar that says how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from types import NoneType
from typing import Any, TypeVar

from lgviz._progress import Bar
from lgviz.errors import InvalidValue

__all__ = ["each_done", "works_elsewhere"]

T = TypeVar("T")
_FEW = 100


def works_elsewhere(executor: Executor | None) -> bool:
    """Whether an executor's work is done in other processes, to which it must be sent.

    Raises:
        InvalidValue: it is no executor.
    """
    if executor is not None and not hasattr(executor, "submit"):
        raise InvalidValue(
            f"executor is {executor!r}.",
            "Give one of concurrent.futures, as ThreadPoolExecutor(4), or Dask's client.get_executor().",
        )
    return not isinstance(executor, (ThreadPoolExecutor, NoneType))


def each_done(
    executor: Executor | None, function: Callable[[T], Any], items: Iterable[T], unit: str
) -> Iterator[tuple[T, Any]]:
    """Each item with what the function gives for it, as it is done; what it raised is given too.

    Args:
        executor: who does the work; None: the caller, one after the other.
        function: what is done with one item.
        items: hashable things.
        unit: what an item is called in the bar.

    Raises:
        InvalidValue: the executor was shut down, or its processes ended.
    """
    todo = list(items)
    # Of few items each is told at once: the next may take long.
    often = 0 if len(todo) <= _FEW else 0.1
    with Bar(total=len(todo), unit=unit, disable=None, leave=False, mininterval=often) as bar:
        if executor is None:
            for item in todo:
                yield item, _tried(lambda: function(item))  # noqa: B023 - called at once
                bar.update()
            return
        waiting: dict[Future[Any], T] = {}
        refused: list[tuple[T, Exception]] = []
        for item in todo:
            try:
                waiting[executor.submit(function, item)] = item
            except RuntimeError as error:  # its processes ended, or it was shut down
                refused.append((item, error))
        if refused and not waiting:
            raise InvalidValue(f"The executor takes no work: {refused[0][1]}.", "Give a new one.")
        try:
            for done in as_completed(waiting):
                yield waiting[done], _tried(done.result)
                bar.update()
            yield from refused
        finally:
            for future in waiting:
                future.cancel()


def _tried(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as error:  # as where a process was ended
        return error
