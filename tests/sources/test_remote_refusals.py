"""What a server answers that is none, refuses, hangs, goes away or lies: a sentence each, and never a key."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_sync_client

import lgviz
from lgviz.errors import LgvizError, ServerError, ThreadNotFound
from lgviz.sources import Source
from lgviz.sources.remote import client as asking
from tests.support.langgraph_server import free_port

KEY = "lsv2_pt_s3cr3t"
THREAD = "01a22780-c064-71bb-ba0f-d3eb93e435d7"
Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """The URL of an HTTP server that answers everything so."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            answer(self)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - as the handler is asked

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def says(status: int, body: Any, **headers: str) -> Answer:
    """Answers everything with one body: bytes as they are, else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(asked: BaseHTTPRequestHandler) -> None:
        asked.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            asked.send_header(name, value)
        asked.send_header("content-length", str(len(content)))
        asked.end_headers()
        asked.wfile.write(content)

    return answer


@contextmanager
def graph_at(url: str) -> Iterator[RemoteGraph]:
    with get_sync_client(url=url, api_key=KEY, headers={"x-tenant": "tenant-7712"}) as client:
        yield RemoteGraph("agent", sync_client=client)


READS: dict[str, Callable[[Source], Any]] = {
    "threads": lambda source: source.threads(),
    "index": lambda source: source.index(THREAD),
    "record": lambda source: source.record(THREAD, "", "1f1ebfb4-009e-6339-bfff-6cdc3396a585"),
}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "does not accept the key (401): no access for … of …. Give it: RemoteGraph("),
        (403, "does not allow this (403)"),
        (422, "does not take what was asked (422)"),
        (429, "is asked too often (429)"),
        (500, "failed (500)"),
        (503, "failed (503)"),
        (418, "refuses this (418)"),
    ],
)
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_refusal_is_a_sentence_without_the_key(
    read: Callable[[Source], Any], status: int, told: str
) -> None:
    """Though the server repeats it, and what else was sent to it."""
    body = {"detail": f"no access for {KEY} of tenant-7712"}
    with answering(says(status, body)) as url, graph_at(url) as graph:
        source = lgviz.open_source(graph)
        with pytest.raises(ServerError) as caught:
            read(source)
    said = str(caught.value)
    assert said.startswith(f"{url} {told}")
    assert KEY not in said and "tenant-7712" not in said
    assert KEY not in f"{source!r}{source.__dict__!r}{source.graph!r}{source.description}"


def test_what_is_not_there() -> None:
    with answering(says(404, {"detail": "Thread not found"})) as url:
        source = lgviz.open_source(url)
        with pytest.raises(ServerError, match="does not have what was asked for"):
            source.threads()
        with pytest.raises(ThreadNotFound, match=THREAD):
            source.record(THREAD, "", "1f1ebfb4-009e-6339-bfff-6cdc3396a585")
        source.close()


@pytest.mark.parametrize(
    "body",
    [
        b"<!doctype html><title>A page</title>",
        b"",
        b"[" * 100_000,
        None,
        7,
        "text",
        {"threads": []},
        [1],
        [{"thread_id": THREAD}],
        [{"thread_id": THREAD, "updated_at": "yesterday"}],
    ],
    ids=lambda body: str(body)[:20],
)
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_no_langgraph_server(read: Callable[[Source], Any], body: Any) -> None:
    with answering(says(200, body)) as url:
        source = lgviz.open_source(url)
        with pytest.raises(LgvizError) as caught:
            read(source)
        assert "does not answer as a LangGraph server does" in str(caught.value) or isinstance(
            caught.value, ThreadNotFound
        )
        source.close()


def test_a_redirect_is_not_followed() -> None:
    """Where to, the server would choose."""
    asked: list[str] = []

    def note(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        says(200, [])(request)

    with answering(note) as elsewhere, answering(says(307, b"", location=elsewhere)) as url:
        source = lgviz.open_source(url)
        with pytest.raises(ServerError):
            source.threads()
        source.close()
    assert asked == []


def test_one_that_hangs_and_one_that_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_PATIENCE", httpx.Timeout(0.2))
    released = threading.Event()

    def hang(_: BaseHTTPRequestHandler) -> None:
        released.wait(20)

    def hang_up(asked: BaseHTTPRequestHandler) -> None:
        asked.send_response(200)
        asked.send_header("content-length", "1000")
        asked.end_headers()
        asked.wfile.write(b'[{"thread_id"')

    with answering(hang) as url:
        source = lgviz.open_source(url)
        with pytest.raises(ServerError, match="does not answer in time"):
            source.threads()
        released.set()
        source.close()
    with answering(hang_up) as url:
        source = lgviz.open_source(url)
        with pytest.raises(ServerError, match="cannot be reached"):
            source.threads()
        source.close()


def test_none_is_there() -> None:
    source = lgviz.open_source(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ServerError, match=r"cannot be reached .*langgraph dev"):
        source.threads()
    source.close()
    for url in ("http://", "http://:80", "http://a:b"):
        with pytest.raises(ServerError, match="no URL of a server"):
            lgviz.open_source(url)


def test_what_is_in_a_url_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(says(401, {"detail": "hunter2 is wrong"})) as url:
        source = lgviz.open_source(f"{url.replace('//', '//ann:hunter2@')}/path?token={KEY}")
        with pytest.raises(ServerError) as caught:
            source.threads()
        for text in (str(caught.value), repr(source), source.description, repr(source.graph)):
            assert "hunter2" not in text and KEY not in text
        assert source.description == f"LangGraph server at {url}/path"
        source.close()


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost:1", True),
        ("https://example.org", True),
        ("http://example.org", False),
    ],
)
def test_the_key_of_the_environment_goes_where_nobody_reads_it_on_the_way(
    url: str, sent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGGRAPH_API_KEY", KEY)
    client = asking.RemoteClient.of_url(url)
    assert (client.sdk.http.client.headers.get("x-api-key") == KEY) is sent
    client.close()


def test_what_a_server_sends_is_data() -> None:
    """Names of classes, constructors and code in its answers make nothing; ids of any kind are texts."""
    state = {
        "values": {"x": {"lc": 2, "type": "constructor", "id": ["os", "system"], "args": ["exit 1"]}},
        "checkpoint": {"checkpoint_id": "../../<script>", "checkpoint_ns": "", "thread_id": THREAD},
        "metadata": {"source": "loop", "step": 0, "writes": {"a": "b"}},
        "created_at": "now",
        "parent_checkpoint": None,
        "tasks": [
            {"id": "t", "name": "<b>", "error": None, "interrupts": [{"value": "?", "id": 3}], "result": {}}
        ],
        "next": ["<b>"],
    }
    thread = {"thread_id": THREAD, "updated_at": "2026-01-01T00:00:00Z", "status": "idle", "metadata": {}}

    def answer(asked: BaseHTTPRequestHandler) -> None:
        says(
            200,
            {"search": [thread], "history": [state], "count": 1}.get(asked.path.rpartition("/")[2], state),
        )(asked)

    with answering(answer) as url:
        source = lgviz.open_source(url)
        history = lgviz.history(source)
        assert history.latest.values == state["values"]
        assert history.latest.tasks[0].interrupts[0].value == "?"
        assert "<script>" not in history._repr_html_()
        source.close()
