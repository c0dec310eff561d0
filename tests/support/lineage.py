"""Random work on savers' threads, some of which continue the path of another; and the same by real copies."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from langgraph.checkpoint.base import WRITES_IDX_MAP

from tests.support.savers import call, config

RUNS = ("r1", "r2", "r3")


def sights(saver: Any, thread: str) -> dict[tuple[str, str], Any]:
    """All checkpoints of a thread by namespace and id, as ``list`` gives them, newest first."""
    found = call(saver, "list", config(thread))
    return {(one.config["configurable"]["checkpoint_ns"], one.checkpoint["id"]): one for one in found}


def on_path(rows: dict[tuple[str, str], Any], at: tuple[str, str]) -> set[tuple[str, str]]:
    """The root's path to a checkpoint, and the checkpoints of subgraphs that were called from it."""

    def up(place: tuple[str, str]) -> set[tuple[str, str]]:
        found = set()
        while place in rows:
            found.add(place)
            parent = rows[place].parent_config
            place = (place[0], parent["configurable"]["checkpoint_id"] if parent else "")
        return found

    kept = up(at)
    if at[0]:
        kept |= up(("", rows[at].metadata["parents"][""]))
    for place, row in rows.items():
        if place[0] and place[0] != at[0] and ("", row.metadata["parents"][""]) in kept:
            kept |= up(place)
    return kept


def copied(saver: Any, thread: str, at: tuple[str, str], new: str) -> None:
    """A thread made of the path to a checkpoint, by putting all of it again."""
    rows = sights(saver, thread)
    kept = on_path(rows, at)
    for place in [place for place in reversed(rows) if place in kept]:
        row = rows[place]
        before = row.parent_config["configurable"]["checkpoint_id"] if row.parent_config else None
        here = config(new, checkpoint_ns=place[0], checkpoint_id=before)
        versions = row.checkpoint["channel_versions"]
        call(saver, "put", here, row.checkpoint, row.metadata, versions)
        tasks: dict[tuple[str, str], list[Any]] = {}
        for task, channel, value in row.pending_writes:
            special = channel if channel in WRITES_IDX_MAP else ""
            tasks.setdefault((task, special), []).append((channel, value))
        for (task, _), writes in tasks.items():
            there = config(new, checkpoint_ns=place[0], checkpoint_id=place[1])
            call(saver, "put_writes", there, writes, task, f"path {task}")


class Worker:
    """Does the same random work on several savers, each with its own way to let a thread continue another's.

    Args:
        rng: decides.
        savers: by the function that makes a thread of the path to a checkpoint.
    """

    def __init__(self, rng: random.Random, savers: dict[Callable[..., Any], Any]) -> None:
        self.rng = rng
        self.savers = savers
        self.first = next(iter(savers.values()))
        self.threads = ["t0"]
        self.count = 0

    def each(self, name: str, *args: Any, **kwargs: Any) -> None:
        for saver in self.savers.values():
            call(saver, name, *args, **kwargs)

    def place(self, thread: str, **where: Any) -> Any:
        """A random checkpoint of a thread."""
        rows = sights(self.first, thread)
        return self.rng.choice(list(rows.items())) if rows else (None, None)

    def step(self) -> str:
        """One random operation; returns what was done."""
        thread = self.rng.choice(self.threads)
        act = self.rng.choices(
            [self.grow, self.write, self.fork, self.again, self.prune, self.delete, self.unrun, self.copy],
            [12, 10, 4, 1, 1, 1, 1, 1],
        )[0]
        return f"{act.__name__} {thread}: {act(thread)}"

    def grow(self, thread: str) -> Any:
        self.count += 1
        place, row = self.place(thread)
        id = f"{self.count:08x}"
        ns = place[0] if place else ""
        log = list(row.checkpoint["channel_values"].get("log", [])) if row else []
        metadata: dict[str, Any] = {"source": "loop", "step": self.count, "run_id": self.rng.choice(RUNS)}
        if row is not None and not ns and self.rng.random() < 0.3:  # a subgraph is called
            metadata["parents"] = {"": place[1]}
            ns, place = f"sub:{self.rng.randrange(3)}-{place[1]}", None
        elif ns:
            metadata["parents"] = row.metadata["parents"]
        values = {"log": [*log, id], "big": [f"{n} {'x' * 70}" for n in range(self.rng.randrange(40))]}
        if row is not None and self.rng.random() < 0.5 and place is not None:
            values["big"] = row.checkpoint["channel_values"]["big"]
        versions = {"log": f"{self.count:08}.0", "big": f"{self.count:08}.1"}
        if row is not None and values["big"] == row.checkpoint["channel_values"]["big"]:
            versions["big"] = row.checkpoint["channel_versions"]["big"]
        checkpoint = {
            "v": 4, "id": id, "ts": "", "channel_values": values,
            "channel_versions": versions, "versions_seen": {},
        }  # fmt: skip
        new = {n: v for n, v in versions.items() if not place or v != row.checkpoint["channel_versions"][n]}
        self.each(
            "put",
            config(thread, checkpoint_ns=ns, checkpoint_id=place and place[1]),
            checkpoint,
            metadata,
            new,
        )
        return ns, id

    def again(self, thread: str) -> Any:
        """Puts a checkpoint again, with another value."""
        place, row = self.place(thread)
        if place is None:
            return None
        self.count += 1
        before = row.parent_config["configurable"]["checkpoint_id"] if row.parent_config else None
        versions = {**row.checkpoint["channel_versions"], "log": f"{self.count:08}.0"}
        values = {**row.checkpoint["channel_values"], "log": ["again", str(self.count)]}
        checkpoint = {**row.checkpoint, "channel_values": values, "channel_versions": versions}
        here = config(thread, checkpoint_ns=place[0], checkpoint_id=before)
        self.each("put", here, checkpoint, row.metadata, {"log": versions["log"]})
        return place

    def write(self, thread: str) -> Any:
        place, _ = self.place(thread)
        if place is None:
            return None
        self.count += 1
        task = f"task {self.rng.randrange(3)}"
        channel = self.rng.choice(["log", "log", "__error__", "__interrupt__", "__resume__"])
        value: Any = ["y" * self.rng.randrange(200), self.count]
        writes = [(channel, value if channel != "__error__" else f"error {self.count}")]
        if channel == "log" and self.rng.random() < 0.5:
            writes.append(("big", [str(self.count)]))
        here = config(thread, checkpoint_ns=place[0], checkpoint_id=place[1])
        self.each("put_writes", here, writes, task, f"path {task}")
        return place, task, channel

    def fork(self, thread: str) -> Any:
        place, _ = self.place(thread)
        if place is None or len(self.threads) > 6:
            return None
        self.count += 1
        new = f"t{self.count}"
        self.threads.append(new)
        for make, saver in self.savers.items():
            make(saver, thread, place, new)
        return place, new

    def copy(self, thread: str) -> Any:
        if len(self.threads) > 6:
            return None
        self.count += 1
        new = f"t{self.count}"
        self.threads.append(new)
        self.each("copy_thread", thread, new)
        return new

    def prune(self, thread: str) -> None:
        self.each("prune", [thread])

    def delete(self, thread: str) -> None:
        self.each("delete_thread", thread)
        if len(self.threads) > 1:
            self.threads.remove(thread)

    def unrun(self, thread: str) -> Any:
        run = self.rng.choice(RUNS)
        self.each("delete_for_runs", [run])
        return run

    def questions(self, thread: str) -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
        """What to ask of a thread: all of it, some of it, single ones."""
        rows = list(sights(self.first, thread))
        asked: list[Any] = [("list", (config(thread),), {}), ("get_tuple", (config(thread),), {})]
        for ns in {ns for ns, _ in rows} | {"sub:none"}:
            asked.append(("get_tuple", (config(thread, checkpoint_ns=ns),), {}))
            asked.append(("list", (config(thread, checkpoint_ns=ns),), {"filter": {"run_id": "r1"}}))
        for ns, id in rows:
            asked.append(("get_tuple", (config(thread, checkpoint_ns=ns, checkpoint_id=id),), {}))
            before = config(thread, checkpoint_id=id)
            asked.append(("list", (config(thread),), {"before": before, "limit": self.rng.randrange(4)}))
        asked.append(("get_tuple", (config(thread, checkpoint_ns="", checkpoint_id="none"),), {}))
        asked.append(("list", (config(thread),), {"limit": 2}))
        return asked


def told(saver: Any, thread: str) -> Any:
    """What the index of a thread says, but for what depends on when a row was stored, and by which way."""
    index = call(saver, "index", thread)
    rows = [
        (row.namespace, row.id, row.parent_id, row.metadata, row.anchor, row.started_at is None)
        for row in index.checkpoints
    ]
    return rows, sorted({(w.namespace, w.checkpoint_id, w.task_id, w.idx, w.channel) for w in index.writes})


def answer(saver: Any, name: str, args: Any, kwargs: Any) -> Any:
    """An answer in a form that compares."""
    found = call(saver, name, *args, **kwargs)
    many = found if isinstance(found, list) else [found]
    return [one and one._replace(pending_writes=sorted(one.pending_writes, key=repr)) for one in many]
