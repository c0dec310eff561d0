"""The debugger in a real Jupyter server: who may read what, and that it is answered whole and live."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import secrets
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import websocket
from jupyter_server.extension.config import ExtensionConfigManager
from jupyter_server.extension.manager import ExtensionPackage
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite

import lgviz
from lgviz.backend.glances import GlanceFile
from lgviz.demos import two_nodes
from lgviz.persistence import SqliteSaver
from lgviz.protocol import PROTOCOL_VERSION, Methods
from lgviz.server.documents import Document, Full, OpenDocuments
from lgviz.server.frames import frames
from lgviz.server.served import SERVED
from lgviz.server.settings import LgvizServer
from lgviz.sources.bundle_file import read_manifest
from tests.support.processes import start
from tests.support.waiting import until

REPO = Path(__file__).resolve().parents[2]
START = """
from jupyter_core import paths

paths.ENV_CONFIG_PATH[:] = paths.SYSTEM_CONFIG_PATH[:] = []  # none of the other extensions: they take seconds
from jupyter_server.serverapp import main

main()
"""
CONFIG = """
c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port = 0
c.ServerApp.base_url = "/user/ada/"
c.ServerApp.open_browser = False
c.ServerApp.allow_root = True
c.ServerApp.root_dir = {root!r}
c.IdentityProvider.token = {token!r}
c.LgvizServer.max_documents = 12
c.LgvizServer.max_message_bytes = 20_000
c.LgvizServer.max_bundle_bytes = 2_000_000
c.LgvizServer.idle_seconds = 3.0
c.LgvizServer.poll_seconds = 0.05
c.LgvizServer.redact = ["secret"]
"""


@dataclass(frozen=True)
class Server:
    """A running Jupyter server: its address, token and root, and the folder above the root."""

    url: str
    token: str
    root: Path

    def ask(self, path: str, body: Any = None, method: str = "POST", **headers: str) -> tuple[int, bytes]:
        """Status and body of what one route answers; with the token unless headers are given."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        sent = headers or {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.url}lgviz/api{path}", data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def open(self, path: Any, protocol: Any = PROTOCOL_VERSION) -> tuple[int, Any]:
        status, body = self.ask("/documents", {"path": path, "protocol": protocol})
        return status, json.loads(body)

    def document(self, path: str) -> str:
        status, found = self.open(path)
        assert status == 201, found
        return str(found["document"])

    def request(self, document: str, method: str, **params: Any) -> Any:
        """The messages that answer one request, each with its buffers."""
        status, body = self.ask(
            f"/documents/{document}/request", {"id": 7, "method": method, "params": params}
        )
        assert status == 200, body
        return list(frames(body))

    def result(self, document: str, method: str, **params: Any) -> Any:
        message, _buffers = self.request(document, method, **params)[-1]
        assert message["id"] == 7
        return message["result"]

    @contextmanager
    def channel(self, document: str, **headers: str) -> Iterator[websocket.WebSocket]:
        sent = headers or {"Authorization": f"token {self.token}"}
        address = f"ws{self.url.removeprefix('http')}lgviz/api/documents/{document}/channel"
        opened = websocket.create_connection(
            address, timeout=60, header=sent, suppress_origin="Origin" in sent
        )
        try:
            yield opened
        finally:
            opened.close()
            opened.shutdown()  # which the other does not where the server closed first


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    root, token = folder / "root", secrets.token_hex(16)
    root.mkdir()
    for name in ("data", "runtime", "config"):
        (folder / name).mkdir()
    (folder / "config" / "jupyter_server_config.py").write_text(CONFIG.format(root=str(root), token=token))
    seeded(root / "chat.db")
    seeded(folder / "outside.db")
    places = {"DATA_DIR": "data", "RUNTIME_DIR": "runtime", "CONFIG_DIR": "config"}
    environment = os.environ | {f"JUPYTER_{key}": str(folder / name) for key, name in places.items()}
    # As an installed wheel enables it.
    environment["JUPYTER_CONFIG_PATH"] = str(REPO / "jupyter-config")
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", START], cwd=folder, env=environment, stdout=out, stderr=out
        )
    about = folder / "runtime" / f"jpserver-{process.pid}.json"
    try:
        until(lambda: process.poll() is not None or answers(about), 90)
        assert process.poll() is None, log.read_text()
        yield Server(json.loads(about.read_text())["url"], token, root)
    finally:
        process.terminate()
        process.wait(30)


def answers(about: Path) -> bool:
    """Whether the server that writes this file about itself listens."""
    try:
        with urllib.request.urlopen(f"{json.loads(about.read_text())['url']}api", timeout=5):
            return True
    except (OSError, ValueError):
        return False


def seeded(path: Path, thread_id: str = "1") -> Path:
    """A database of six checkpoints."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        two_nodes.seed(two_nodes.build(saver), thread_id=thread_id)
    return path


# ---------------------------------------------------------------- what is answered


def test_a_document_is_opened_and_read(server: Server) -> None:
    assert json.loads(server.ask("", method="GET")[1]) == {
        "version": lgviz.__version__,
        "protocol": PROTOCOL_VERSION,
    }
    before = (server.root / "chat.db").read_bytes()
    document = server.document("chat.db")
    ((message, buffers),) = server.request(document, "thread_open", thread_id=None)
    opened, history = message["result"], lgviz.history(server.root / "chat.db", "1")
    assert (opened["tree"]["ids"], opened["tree"]["labels"]) == (
        [c.id for c in history], [c.label for c in history]
    )  # fmt: skip
    assert opened["read_only"] == "chat.db is opened for reading: give the graph itself to fork or run."
    parents = np.frombuffer(buffers[opened["tree"]["columns"]["parent"]], "<i4")
    assert parents.tolist() == list(history.tree.parent)
    newest = history.latest
    state = server.result(document, "checkpoint_get", checkpoint=newest.id)
    assert [c["name"] for c in state["channels"] if not c["internal"]] == list(newest.values)
    diff = server.result(document, "diff_get", before=None, after=newest.id, internal=False)
    assert diff["after"] == newest.label
    assert [c["channel"] for c in diff["channels"]] == [
        c.channel for c in history.diff(newest.parent, newest)
    ]
    *progress, (last, _) = server.request(document, "search", query=newest.nodes[0])
    assert [hit["id"] for message, _ in progress for hit in message["progress"]["hits"]] + [
        hit["id"] for hit in last["result"]["hits"]
    ] == [c.id for c in history if newest.nodes[0] in c.nodes]
    assert server.ask(f"/documents/{document}", method="DELETE")[0] == 204
    status, body = server.ask(f"/documents/{document}/request", {"id": 1, "method": "search"})
    assert (status, json.loads(body)["message"]) == (
        404,
        "This document is not open any more. Open it again.",
    )
    assert (server.root / "chat.db").read_bytes() == before
    assert [path.name for path in server.root.glob("chat.db*")] == ["chat.db"]


def test_a_bundle_is_a_document(server: Server) -> None:
    lgviz.save_bundle(server.root / "chat.db", "1", server.root / "bug.lgviz")
    document = server.document("bug.lgviz")
    assert server.result(document, "thread_open", thread_id=None)["thread"]["count"] == 6


def test_copied_code_names_the_file_as_the_pages_do(server: Server) -> None:
    (server.root / "sub").mkdir()
    seeded(server.root / "sub" / "deep.db")
    document = server.document("sub/deep.db")
    newest = server.result(document, "thread_open", thread_id=None)["selected"]
    code = server.result(document, "code_get", act="select", checkpoint=newest)["code"]
    assert "lgviz.history('sub/deep.db', " in code and str(server.root) not in code


def test_two_documents_of_one_file_show_two_threads(server: Server) -> None:
    seeded(seeded(server.root / "two.db", "1"), "2")
    first, second = server.document("two.db"), server.document("/two.db")
    server.result(first, "thread_open", thread_id="1")
    server.result(second, "thread_open", thread_id="2")
    assert server.result(first, "thread_refresh")["thread_id"] == "1"


WRITES = """
import sys
from lgviz.demos import two_nodes
from lgviz.persistence import SqliteSaver
with SqliteSaver.from_conn_string(sys.argv[1]) as saver:
    graph = two_nodes.build(saver)
    for _ in range(int(sys.argv[2])):
        graph.update_state({"configurable": {"thread_id": "1"}}, None, as_node="node_b")
"""


def test_a_channel_hears_what_another_process_writes(server: Server) -> None:
    path = seeded(server.root / "live.db")
    with server.channel(server.document("live.db")) as channel:
        channel.send(json.dumps({"id": 5, "method": "thread_open", "params": {"thread_id": None}}))
        ((reply, _),) = frames(channel.recv())
        assert (reply["id"], reply["result"]["tree"]["count"]) == (5, 6)
        process = start(WRITES, str(path), "2")
        said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        ids: list[str] = []
        while len(ids) < 2:
            ((news, _),) = frames(channel.recv())
            assert news["event"] == "tree"
            ids += news["body"]["tree"]["ids"] if news["body"]["tree"] else []
        assert ids == [c.id for c in lgviz.history(path, "1")][6:]


def test_where_a_coding_agent_looks_is_told_to_who_asked_for_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(server.root.parent / "runtime"))
    newest = lgviz.history(server.root / "chat.db", "1").latest
    glance = GlanceFile("chat.db")
    glance.look("1", newest.id)
    status, body = server.ask("/documents", {"path": "chat.db", "protocol": PROTOCOL_VERSION, "agent": True})
    assert status == 201
    asked = {"id": 1, "method": "thread_open", "params": {"thread_id": "1"}}
    with (
        server.channel(json.loads(body)["document"]) as told,
        server.channel(server.document("chat.db")) as untold,
    ):
        for channel in (told, untold):
            channel.send(json.dumps(asked))
            assert next(frames(channel.recv()))[0]["id"] == 1
        assert next(frames(told.recv()))[0] == {
            "event": "agents", "body": {"thread_id": "1", "checkpoints": [newest.id]}
        }  # fmt: skip
        untold.send(json.dumps({**asked, "id": 2}))
        assert next(frames(untold.recv()))[0]["id"] == 2
        glance.close()
        assert next(frames(told.recv()))[0]["body"]["checkpoints"] == []


def test_a_channel_answers_what_is_wrong_and_goes_on(server: Server) -> None:
    with server.channel(server.document("chat.db")) as channel:
        asked = [
            {"id": 1, "method": "fork_commit", "params": {}},
            {"id": 2, "method": "nothing", "params": {}},
            {"id": 3, "method": "search", "params": {}},
            {"id": 4, "method": "search", "params": []},
            {"id": 5, "method": "thread_open", "params": {"thread_id": "9"}},
            {"id": 0, "method": "threads_list", "params": {"query": "", "after": None, "limit": 5}},
        ]
        for message in ([], 3, {}, {"cancel": 12}, {"id": "x", "method": "search"}, *asked):
            channel.send(json.dumps(message))
        replies = {m["id"]: m for m, _ in (next(frames(channel.recv())) for _ in asked)}
        assert {k: m["error"]["cause"] for k, m in replies.items() if "error" in m} == {
            1: "A document is only read.",
            2: "There is no request 'nothing'.",
            3: "The request 'search' lacks 'query'.",
            4: "The parameters of 'search' are no object.",
            5: "There is no thread '9'.",
        }
        assert replies[0]["result"]["total"] == 1
        channel.send("{")
        assert channel.recv_data()[0] == websocket.ABNF.OPCODE_CLOSE


def test_a_channel_ends_with_its_document(server: Server) -> None:
    document = server.document("chat.db")
    with server.channel(document) as channel:
        assert server.ask(f"/documents/{document}", method="DELETE")[0] == 204
        assert channel.recv_data()[0] == websocket.ABNF.OPCODE_CLOSE
    with pytest.raises(websocket.WebSocketBadStatusException), server.channel(document):
        pass


def test_a_bundle_that_unpacks_to_too_much_is_refused(server: Server) -> None:
    seeded(server.root / "large.db", "x" * 200)
    lgviz.save_bundle(server.root / "large.db", "x" * 200, server.root / "large.lgviz")
    size = read_manifest(server.root / "large.lgviz").bytes
    text = (
        (server.root / "large.lgviz").read_bytes().replace(f'"bytes": {size}'.encode(), b'"bytes": 2000001')
    )
    (server.root / "large.lgviz").write_bytes(text)
    status, said = server.open("large.lgviz")
    assert (status, said["message"]) == (
        422,
        "large.lgviz unpacks to 2,000,001 bytes, more than this server takes (2,000,000). "
        "Open it in a notebook, or raise c.LgvizServer.max_bundle_bytes.",
    )


def test_a_document_that_nobody_uses_is_closed(server: Server) -> None:
    kept, unused = server.document("chat.db"), server.document("chat.db")
    with server.channel(kept):
        until(lambda: server.ask(f"/documents/{unused}/request", b"{}")[0] == 404)
        assert server.result(kept, "thread_open", thread_id=None)["thread"]["count"] == 6


def test_what_is_configured_to_be_masked_is(server: Server) -> None:
    from langgraph.graph import START, StateGraph
    from typing_extensions import TypedDict

    state = TypedDict("state", {"secret": str, "plain": str})  # noqa: UP013
    builder = StateGraph(state)
    builder.add_node("n", lambda _: {"plain": "seen"})
    builder.add_edge(START, "n")
    with SqliteSaver.from_conn_string(str(server.root / "masked.db")) as saver:
        builder.compile(saver).invoke(
            {"secret": "hunter2", "plain": ""}, {"configurable": {"thread_id": "1"}}
        )
    document = server.document("masked.db")
    opened = server.result(document, "thread_open", thread_id=None)
    state = server.result(document, "checkpoint_get", checkpoint=opened["selected"])
    assert "hunter2" not in json.dumps(state) and "seen" in json.dumps(state)


# ---------------------------------------------------------------- what is served


READ = {
    "threads_list", "thread_open", "thread_refresh", "rows_marks", "checkpoint_get", "value_get",
    "value_find", "blame_get", "origin_find", "media_get", "diff_get", "writes_get", "tasks_get", "why_get",
    "narration_get", "raw_get", "search", "code_get", "memory_open", "memory_list", "memory_search", "memory_item",
    "memory_value", "memory_versions", "memory_diff", "memory_changes", "compare_get", "branches_get",
}  # fmt: skip
REFUSED = {
    "fork_form", "part_form", "fork_preview", "dry_run", "fork_commit", "answer_form", "answer_make", "start_form",
    "thread_start", "run_start", "run_stop", "breakpoints_set", "memory_plan", "memory_put", "memory_delete",
    "sandbox_keep", "sandbox_discard", "export_plan", "export_write", "pin_write", "evaluate",
    "predict_make", "predict_answer",
}  # fmt: skip


def test_every_method_of_the_protocol_is_read_or_refused(server: Server) -> None:
    assert set(Methods.__annotations__) == READ | REFUSED and not READ & REFUSED
    assert READ == SERVED
    document = server.document("chat.db")
    for method in sorted(REFUSED):
        ((message, _),) = server.request(document, method)
        why = "A server evaluates no expression." if method == "evaluate" else "A document is only read."
        assert message["error"]["cause"] == why, method


# ---------------------------------------------------------------- who may ask


ROUTES = [
    ("GET", ""), ("POST", "/documents"), ("POST", "/documents/abc/request"), ("DELETE", "/documents/abc"),
    ("GET", "/documents/abc/channel"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("authorization", ["none", "token wrong"])
def test_without_the_token_nothing_is_answered(
    server: Server, method: str, path: str, authorization: str
) -> None:
    body = None if method != "POST" else {"path": "chat.db", "protocol": PROTOCOL_VERSION}
    assert server.ask(path, body, method, Authorization=authorization)[0] == 403


def test_a_channel_needs_the_token_and_a_page_of_the_same_origin(server: Server) -> None:
    document = server.document("chat.db")
    for headers in ({"X": "none"}, {"Authorization": "token wrong"}, {"Origin": "http://evil.example"}):
        with (
            pytest.raises(websocket.WebSocketBadStatusException) as refused,
            server.channel(document, **headers),
        ):
            pass
        assert refused.value.status_code == 403, headers
    with pytest.raises(websocket.WebSocketBadStatusException) as refused, server.channel("never-opened"):
        pass
    assert refused.value.status_code == 404


def test_a_cookie_alone_does_not_write(server: Server) -> None:
    """XSRF: another page's form carries the cookie, and not what is in it."""
    place = urlsplit(server.url)
    with closing(http.client.HTTPConnection(place.netloc, timeout=60)) as connection:
        connection.request("GET", f"{place.path}tree?token={server.token}")
        with connection.getresponse() as answer:
            answer.read()
    cookies = [c.split(";")[0] for c in answer.headers.get_all("Set-Cookie") or []]
    assert any(c.startswith("_xsrf=") for c in cookies) and len(cookies) > 1
    cookie = "; ".join(cookies)
    asked = {"path": "chat.db", "protocol": PROTOCOL_VERSION}
    assert server.ask("/documents", asked, Cookie=cookie)[0] == 403
    assert server.ask("/documents/abc", method="DELETE", Cookie=cookie)[0] == 403
    (xsrf,) = (c.partition("=")[2] for c in cookies if c.startswith("_xsrf="))
    assert server.ask("/documents", asked, **{"Cookie": cookie, "X-XSRFToken": xsrf})[0] == 201
    there = {"Cookie": cookie, "X-XSRFToken": xsrf, "Origin": "http://evil.example"}
    assert server.ask("/documents", asked, **there)[0] == 404


# ---------------------------------------------------------------- what may be opened


def test_nothing_outside_the_root_is_opened(server: Server) -> None:
    root, outside = server.root, server.root.parent / "outside.db"
    (root / "folder").mkdir()
    (root / "link.db").symlink_to(outside)
    (root / "up").symlink_to(root.parent)
    (root / "around.db").symlink_to("around.db")
    (root / "wal.db").write_bytes((root / "chat.db").read_bytes())
    (root / "wal.db-wal").symlink_to(outside)
    paths = [
        "../outside.db", "folder/../../outside.db", "/../outside.db", str(outside), f"/{outside}", "..\\outside.db",
        "%2e%2e/outside.db", "..%2foutside.db", "link.db", "up/outside.db", "around.db", "wal.db", "", "/", ".",
        "..", "a\0b", "nothing.db", "folder/../chat.db", "~/chat.db", f"file://{outside}", "C:\\outside.db",
        "postgresql://localhost/x", "\ud800.db", "x" * 5000,
    ]  # fmt: skip
    for path in paths:
        status, said = server.open(path)
        assert (status, said["remedy"]) == (404, "Check the path: it is that of the file browser."), path
        assert str(root) not in said["message"] or path in (str(outside), f"/{outside}")
    (root / "inside.db").symlink_to(root / "chat.db")
    assert server.open("inside.db")[0] == 201


def test_hidden_files_are_not_there(server: Server) -> None:
    (server.root / ".secret").mkdir()
    seeded(server.root / ".secret" / "a.db")
    seeded(server.root / ".hidden.db")
    (server.root / "seen.db").symlink_to(server.root / ".secret" / "a.db")
    for path in (".secret/a.db", ".hidden.db", "seen.db"):
        assert server.open(path)[0] == 404, path


def test_a_file_that_becomes_a_link_is_not_read_on(server: Server) -> None:
    path = seeded(server.root / "swapped.db")
    document = server.document("swapped.db")
    path.unlink()
    path.symlink_to(server.root.parent / "outside.db")
    ((message, _),) = server.request(document, "thread_open", thread_id=None)
    assert message["error"]["cause"] == "swapped.db was moved, deleted or replaced."


def test_a_file_that_is_replaced_or_deleted_ends_its_channel(server: Server) -> None:
    path = seeded(server.root / "replaced.db")
    seeded(seeded(server.root / "another.db"), "2")
    with server.channel(server.document("replaced.db")) as channel:
        (server.root / "another.db").rename(path)
        opcode, data = channel.recv_data()
        assert (opcode, int.from_bytes(data[:2], "big")) == (websocket.ABNF.OPCODE_CLOSE, 4001)
    with server.channel(document := server.document("replaced.db")) as channel:
        assert server.result(document, "threads_list", query="", after=None, limit=9)["total"] == 2
        # The file system may give the new one the number of the old.
        path.unlink()
        path.write_bytes(b"another file")
        opcode, data = channel.recv_data()
        assert (opcode, int.from_bytes(data[:2], "big")) == (websocket.ABNF.OPCODE_CLOSE, 4001)
    assert server.open("replaced.db")[1]["kind"] == "NotADatabase"


def test_only_what_holds_checkpoints_is_opened(server: Server) -> None:
    root = server.root
    (root / "text.db").write_text("not a database at all, but long enough to be read as if it were one" * 9)
    (root / "empty.db").touch()
    (root / "dir.db").mkdir()
    os.mkfifo(root / "pipe.db")
    with sqlite3.connect(root / "other.sqlite") as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    for name in ("text.db", "empty.db", "dir.db", "pipe.db", "other.sqlite"):
        status, said = server.open(name)
        assert status == 422 and said["cause"] and said["remedy"], name
        assert (said["kind"] == "NoCheckpoints") == (name in ("empty.db", "other.sqlite")), (name, said)
        assert str(root) not in said["message"]
        assert name in said["message"]


def test_the_versions_of_the_protocol_are_compared(server: Server) -> None:
    status, said = server.open("chat.db", PROTOCOL_VERSION + 1)
    assert status == 409 and said["remedy"].startswith("Upgrade lgviz in the Jupyter server's environment")
    assert (said["version"], said["protocol"]) == (lgviz.__version__, PROTOCOL_VERSION)
    for older in (PROTOCOL_VERSION - 1, None, "1"):
        status, said = server.open("chat.db", older)
        assert (status, said["remedy"]) == (409, "Reload the page.")


# ---------------------------------------------------------------- how much may be asked


def test_a_request_has_a_size(server: Server) -> None:
    for path in ("/documents", "/documents/abc/request", "/documents/abc"):
        place = urlsplit(server.url)
        connection = http.client.HTTPConnection(place.netloc, timeout=60)
        connection.putrequest(
            "POST" if path != "/documents/abc" else "DELETE", f"{place.path}lgviz/api{path}"
        )
        connection.putheader("Authorization", f"token {server.token}")
        connection.putheader("Content-Length", "1000000")
        connection.endheaders()
        with closing(connection), connection.getresponse() as answer:
            assert answer.status == 413, path
    status, said = server.ask("/documents", b"[" * 19_000)
    assert (status, json.loads(said)["cause"]) == (400, "The body is no JSON object.")
    assert server.open(3)[1]["cause"] == "No path was given."
    with server.channel(server.document("chat.db")) as channel:
        channel.send(json.dumps({"id": 1, "method": "search", "params": {"query": "x" * 30_000}}))
        opcode, data = channel.recv_data()
    assert (opcode, int.from_bytes(data[:2], "big")) == (websocket.ABNF.OPCODE_CLOSE, 1009)


def test_only_so_many_documents_are_open(server: Server) -> None:
    opened = []
    status = 201
    while status == 201:
        status, said = server.open("chat.db")
        opened.append(said.get("document"))
    assert (status, said["message"], len(opened) <= 13) == (
        503,
        "12 documents are open. Close one of them.",
        True,
    )
    for document in filter(None, opened):
        server.ask(f"/documents/{document}", method="DELETE")
    assert server.open("chat.db")[0] == 201


class Silent:
    """A backend that never answers."""

    def __init__(self, _path: str, _send: Any, **_options: Any) -> None:
        self.told: list[Any] = []

    def receive(self, message: Any) -> None:
        self.told.append(message)

    def close(self) -> None:
        self.told.append("closed")


async def test_a_request_has_a_time_and_company(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("lgviz.backend.Backend", Silent)
    settings = LgvizServer(request_seconds=0.1, max_requests=2)
    (tmp_path / "a.db").touch()
    document = Document(tmp_path / "a.db", "a.db", settings, asyncio.get_running_loop())
    heard: list[Any] = []
    ended = asyncio.Event()

    def hear(data: bytes, last: bool) -> None:
        ((message, _),) = frames(data)
        heard.append((message["id"], message["error"]["code"], message["error"]["cause"]))
        if len(heard) == 3:
            ended.set()

    for number in (11, 12, 13):
        document.hear({"id": number, "method": "search", "params": {"query": "a"}}, hear)
    await asyncio.wait_for(ended.wait(), 30)
    late = "This took longer than 0.1 seconds."
    assert heard == [
        (13, "refused", "Too much is asked at once."), (11, "cancelled", late), (12, "cancelled", late)
    ]  # fmt: skip
    told = document._backend.told
    assert told[2:] == [{"cancel": told[0]["id"]}, {"cancel": told[1]["id"]}]
    document.hear({"id": 14, "method": "search", "params": {"query": "a"}}, hear)
    document.close()
    document.hear({"id": 15, "method": "search", "params": {"query": "a"}}, hear)
    assert [said[::2] for said in heard[3:]] == [(14, closed := "The document was closed."), (15, closed)]
    assert told[-1] == "closed"


LONG = """
CREATE TABLE IF NOT EXISTS checkpoints (thread_id TEXT, checkpoint_ns TEXT, checkpoint_id TEXT,
    parent_checkpoint_id TEXT, type TEXT, checkpoint BLOB, metadata BLOB);
CREATE TABLE IF NOT EXISTS writes (thread_id TEXT, checkpoint_ns TEXT, checkpoint_id TEXT, task_id TEXT, idx INTEGER,
    channel TEXT, type TEXT, value BLOB);
INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, type, checkpoint, metadata)
    WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r LIMIT 300000)
    SELECT '1', '', printf('%08d', x), 'msgpack', x'80', '{}' FROM r;
"""
"""Takes seconds to read."""


async def test_a_file_that_cannot_be_read_in_time_keeps_nobody_from_others(tmp_path: Path) -> None:
    for name in ("locked.db", "chat.db"):
        seeded(tmp_path / name)
    documents = OpenDocuments(LgvizServer(request_seconds=0.5))
    with closing(sqlite3.connect(tmp_path / "locked.db")) as writer:
        writer.execute("PRAGMA journal_mode = DELETE")
        writer.execute("BEGIN EXCLUSIVE")
        for _ in range(2):  # as many as are opened at once
            with pytest.raises(Full, match="could not be opened in time"):
                await documents.open(tmp_path / "locked.db", "locked.db")
    documents.settings.request_seconds = 60.0
    documents.close(await documents.open(tmp_path / "chat.db", "chat.db"))


async def test_what_takes_too_long_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "slow.db"
    with LangGraphSqlite.from_conn_string(str(path)) as saver:
        two_nodes.seed(two_nodes.build(saver), thread_id="1")
    document = Document(path, "slow.db", LgvizServer(request_seconds=0.3), asyncio.get_running_loop())
    with sqlite3.connect(path) as connection:
        connection.executescript(LONG)
    connection.close()
    heard: asyncio.Queue[Any] = asyncio.Queue()
    document.hear(
        {"id": 1, "method": "thread_open", "params": {"thread_id": "1"}},
        lambda data, _last: heard.put_nowait(next(frames(data))[0]),
    )
    answer = await asyncio.wait_for(heard.get(), 30)
    assert answer["error"]["cause"] == "This took longer than 0.3 seconds."
    await asyncio.to_thread(until, lambda: not document._backend._dispatcher._calls)
    document.close()


# ---------------------------------------------------------------- how it is enabled


def test_its_configuration_enables_it() -> None:
    listed = ExtensionConfigManager(read_config_path=[str(REPO / "jupyter-config")]).get_jpserver_extensions()
    assert listed == {"lgviz": True}
    package = ExtensionPackage(name="lgviz", enabled=True)
    assert package.validate() and set(package.extension_points) == {"lgviz.server"}
