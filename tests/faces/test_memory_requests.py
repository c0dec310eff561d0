"""What a view asks of memory, answered from every kind of store: messages of bounded size, errors with a remedy."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from langgraph.store.base import PutOp
from langgraph.store.memory import InMemoryStore as LangGraphInMemoryStore
from langgraph.store.postgres import PostgresStore as LangGraphPostgresStore
from langgraph.store.postgres.aio import AsyncPostgresStore as LangGraphAsyncPostgresStore
from langgraph.store.sqlite import SqliteStore as LangGraphSqliteStore
from langgraph.store.sqlite.aio import AsyncSqliteStore as LangGraphAsyncSqliteStore
from psycopg import AsyncConnection, connect
from psycopg.rows import dict_row

import lgviz
from lgviz import persistence
from lgviz.backend.item_views import ref_of
from lgviz.demos import memory
from tests.support.view import View

# The fixtures of the server that the stores' tests start.

FACTS = ref_of(*memory.facts_of("mia"))
DIET = ref_of(*memory.facts_of("mia"), "diet")
HOME = ref_of(*memory.facts_of("mia"), "home")
KEEPING = ["memory", "sqlite", "aiosqlite", "postgres", "aiopostgres"]
PLAIN = [
    "langgraph-memory",
    "langgraph-sqlite",
    "langgraph-aiosqlite",
    "langgraph-postgres",
    "langgraph-aiopostgres",
]


class MemoryView(View):
    def look(self) -> None:
        """Open the newest thread, as a view does."""
        self.opened = self.ask("thread_open", thread_id=None)
        tree = self.opened["tree"]
        self.id_of = dict(zip(tree["labels"], tree["ids"], strict=True))
        self.newest = self.opened["selected"]

    def list(self, ref: str = "[]", at: str | None = None, offset: int = 0, limit: int = 100) -> Any:
        return self.ask("memory_list", checkpoint=at, ref=ref, offset=offset, limit=limit)

    def find(self, at: str | None = None, offset: int = 0, ref: str = "[]", **sought: str) -> Any:
        words = {"text": "", "filter": "", "query": "", **sought}
        return self.ask("memory_search", checkpoint=at, ref=ref, offset=offset, limit=100, **words)

    def item(self, ref: str, at: str | None = None) -> Any:
        return self.ask("memory_item", checkpoint=at, ref=ref)

    def code(self, at: str, **asked: Any) -> str:
        about = {"ref": None, "as_of": False, **asked}
        return str(self.ask("code_get", act="memory", checkpoint=at, memory=about)["code"])


def edit(ref: str | None, value: Any, updated_at: float | None = None, **more: Any) -> dict[str, Any]:
    text = value if isinstance(value, str) else json.dumps(value)
    return {"namespace": "", "key": "", "ttl": "", **more, "ref": ref, "text": text, "updated_at": updated_at}


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in a thread of its own, as a notebook's does while cells wait."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def make_store(
    tmp_path: Path, loop: asyncio.AbstractEventLoop, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Any]]:
    closing: list[Callable[[], Any]] = []

    def on_loop(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    async def langgraphs(path: str, uri: str, options: Any) -> Any:
        if uri:
            connection: Any = await AsyncConnection.connect(uri, autocommit=True, row_factory=dict_row)
            store: Any = LangGraphAsyncPostgresStore(connection, **options)
        else:
            connection = await aiosqlite.connect(path, isolation_level=None)
            store = LangGraphAsyncSqliteStore(connection, **options)
        await store.setup()
        return store

    def make(kind: str, **options: Any) -> Any:
        path = str(tmp_path / "items.db")
        uri = request.getfixturevalue("postgres_uri")() if kind.endswith("postgres") else ""
        if kind.endswith("memory"):
            return (persistence.InMemoryStore if kind == "memory" else LangGraphInMemoryStore)(**options)
        if kind in ("sqlite", "postgres"):
            cls: Any = persistence.PostgresStore if uri else persistence.SqliteStore
            store = cls.from_conn_string(uri or path, **options)
            closing.append(store.close)
        elif kind in ("aiosqlite", "aiopostgres"):
            cls = persistence.AsyncPostgresStore if uri else persistence.AsyncSqliteStore
            store = cls.from_conn_string(uri or path, **options)
            on_loop(store.setup())
            closing.append(lambda: on_loop(store.close()))
        elif kind.startswith("langgraph-aio"):
            store = on_loop(langgraphs(path, uri, options))
            closing.append(lambda: on_loop(store.conn.close()))
        else:
            if uri:
                store = LangGraphPostgresStore(connect(uri, autocommit=True, row_factory=dict_row), **options)
            else:
                connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
                store = LangGraphSqliteStore(connection, **options)
            store.setup()
            closing.append(store.conn.close)
        return store

    yield make
    for close in closing:
        close()


@pytest.fixture
def make_view(
    make_store: Callable[..., Any], loop: asyncio.AbstractEventLoop
) -> Iterator[Callable[..., MemoryView]]:
    made: list[MemoryView] = []

    def make(what: Any, **options: Any) -> MemoryView:
        if isinstance(what, str):
            graph = memory.build(persistence.MemorySaver(), make_store(what))
            memory.seed(graph, "1")
            what, options = graph, {"thread_id": "1", "name": "graph", **options}

        async def opened() -> MemoryView:
            return MemoryView(what, **options)

        # As a notebook's cell does: on the loop that asynchronous stores live on.
        view = asyncio.run_coroutine_threadsafe(opened(), loop).result(30)
        made.append(view)
        view.look()
        return view

    yield make
    for view in made:
        view.close()


@pytest.mark.parametrize("kind", [*KEEPING, *PLAIN])
def test_every_store_is_read_searched_and_written(kind: str, make_view: Callable[..., MemoryView]) -> None:
    view = make_view(kind)
    opened = view.ask("memory_open", checkpoint=view.newest)
    assert opened["versions"] is (kind in KEEPING)
    assert opened["changed"] == (0 if kind in KEEPING else None)
    assert opened["read_only"] is None
    assert [(n["label"], n["items"], n["children"]) for n in view.list()["namespaces"]] == [("users", 3, 2)]
    assert [n["label"] for n in view.list('["users"]')["namespaces"]] == ["ben", "mia"]
    (row,) = view.list(FACTS)["items"]
    assert (row["ref"], row["namespace"], row["key"]) == (DIET, ["users", "mia", "facts"], "diet")
    assert "text: fish" in row["summary"]
    item = view.item(DIET)
    fields = [field["key"] for field in item["value"]["items"]]  # jsonb has an order of its own
    assert sorted(fields) == ["said", "text"]
    place = [fields.index("text")]
    part = {
        "checkpoint": None,
        "ref": DIET,
        "version": None,
        "field": None,
        "path": place,
        "offset": 0,
        "limit": 9,
    }
    assert view.ask("memory_value", **part)["text"] == "fish"
    assert view.ask("memory_value", **part | {"field": "text", "path": []})["text"] == "fish"
    assert {h["key"] for h in view.find(text="FARO")["items"]} == {"diet", "home"}
    assert [h["namespace"][1] for h in view.find(filter='{"text": "fish"}')["items"]] == ["mia"]
    assert view.find(text="nowhere")["total"] == 0

    token = opened["token"]
    plan = view.ask("memory_plan", **edit(DIET, {"text": "vegan"}, item["updated_at"]))
    assert {c["channel"] for c in plan["diff"]["channels"]} == {"text", "said"}
    assert view.ask("memory_open", checkpoint=view.newest)["token"] == token, "a plan writes nothing"
    view.ask("memory_put", **edit(DIET, {"text": "vegan"}, item["updated_at"]))
    assert view.ask("memory_open", checkpoint=view.newest)["token"] != token
    assert view.item(DIET)["text"] == '{\n  "text": "vegan"\n}'
    made = view.ask("memory_put", **edit(None, {"n": 1}, namespace="users.zoë d", key="a/b"))["ref"]
    assert view.list('["users", "zo\\u00eb d"]')["items"][0]["ref"] == made
    view.ask("memory_delete", ref=made, updated_at=view.item(made)["updated_at"])
    assert view.item(made)["value"] is None
    assert view.refused("memory_delete", ref=made, updated_at=1)["code"] == "not_found"


@pytest.mark.parametrize("kind", KEEPING)
def test_memory_is_shown_as_it_was(kind: str, make_view: Callable[..., MemoryView]) -> None:
    view = make_view(kind)
    c8, c9 = view.id_of["c8"], view.id_of["c9"]
    assert view.ask("memory_open", checkpoint=c8)["changed"] == 0
    assert view.ask("memory_open", checkpoint=c9)["changed"] == 2
    assert [n["items"] for n in view.list(at=c8)["namespaces"]] == [4]
    assert [n["items"] for n in view.list(at=c9)["namespaces"]] == [3]
    assert {row["key"] for row in view.list(FACTS, c8)["items"]} == {"diet", "home"}
    assert view.item(HOME, c8)["value"] is not None
    assert view.item(HOME, c9)["value"] is None
    assert view.item(DIET, c8)["value"]["items"][0]["value"]["text"] == "vegetarian"
    assert {hit["key"] for hit in view.find(at=c8, text="porto")["items"]} == {"diet", "home"}
    assert [hit["key"] for hit in view.find(at=c8, filter='{"text": "Porto"}')["items"]] == ["home"]
    changes = view.ask("memory_changes", checkpoint=c9)
    assert [(c["key"], c["kind"], c["node"]) for c in changes["changes"]] == [
        ("diet", "changed", "remember"),
        ("home", "removed", "remember"),
    ]
    diff = {c["channel"]: c["changes"][0] for c in changes["changes"][0]["diff"]["channels"]}
    assert (diff["text"]["before"]["text"], diff["text"]["after"]["text"]) == ("vegetarian", "fish")


def test_memory_that_compact_dropped_is_said_to_be_unknown(make_view: Callable[..., MemoryView]) -> None:
    store = persistence.InMemoryStore()
    graph = memory.build(persistence.MemorySaver(), store)
    memory.seed(graph)
    view = make_view(graph)
    c8, c9 = view.id_of["c8"], view.id_of["c9"]
    assert view.list(at=c8)["namespaces"]
    store.compact()
    said = view.refused("memory_list", checkpoint=c8, ref="[]", offset=0, limit=9)
    assert "dropped by compact()" in said["cause"] and said["remedy"]
    assert [n["items"] for n in view.list(at=c9)["namespaces"]] == [3]
    assert view.list()["namespaces"]


@pytest.mark.parametrize("kind", KEEPING)
def test_every_version_names_the_checkpoint_that_wrote_it(
    kind: str, make_view: Callable[..., MemoryView]
) -> None:
    view = make_view(kind)
    view.ask("memory_put", **edit(DIET, {"text": "nothing"}, view.item(DIET)["updated_at"]))
    found = view.ask("memory_versions", ref=DIET, offset=0, limit=100)
    assert found["total"] == 3
    by = [
        (v["kind"], v["node"], v["writer"] and (v["writer"]["thread_id"], v["writer"]["label"]))
        for v in found["versions"]
    ]
    assert by == [
        ("changed", None, None),
        ("changed", "remember", ("1", "c9")),
        ("added", "remember", ("1-monday", "c4")),
    ]
    home = view.ask("memory_versions", ref=HOME, offset=0, limit=100)["versions"]
    assert [v["kind"] for v in home] == ["removed", "added"]
    assert [v["number"] for v in view.ask("memory_versions", ref=DIET, offset=1, limit=1)["versions"]] == [2]
    assert view.ask("memory_diff", ref=DIET, before=1, after=3)["channels"]
    assert view.refused("memory_diff", ref=DIET, before=0, after=9)["remedy"]
    part = {"checkpoint": None, "ref": DIET, "field": "text", "path": [], "offset": 0, "limit": 20}
    texts = [view.ask("memory_value", **part, version=number)["text"] for number in (1, 2, 3)]
    assert texts == ["vegetarian", "fish", "nothing"]
    assert view.refused("memory_value", **part, version=9)["code"] == "not_found"
    assert view.refused("memory_value", **part | {"field": "no"}, version=1)["code"] == "not_found"


@pytest.mark.parametrize("kind", PLAIN)
def test_without_versions_the_present_is_shown_and_said(
    kind: str, make_view: Callable[..., MemoryView]
) -> None:
    view = make_view(kind)
    assert view.list(at=view.id_of["c0"]) == view.list()
    assert view.ask("memory_changes", checkpoint=view.id_of["c9"])["total"] == 0
    assert "keeps no versions" in view.refused("memory_versions", ref=DIET, offset=0, limit=9)["cause"]
    assert view.item(DIET)["versions"] is None


@pytest.mark.parametrize("kind", ["sqlite", "langgraph-sqlite"])
def test_looking_never_puts_off_the_end_of_an_item(
    kind: str, make_store: Callable[..., Any], make_view: Callable[..., MemoryView]
) -> None:
    store = make_store(kind, ttl={"default_ttl": 60, "refresh_on_read": True})
    graph = memory.build(persistence.MemorySaver(), store)
    memory.seed(graph, "1")
    view = make_view(graph)
    item = view.item(DIET)
    assert item["ttl"] == 60
    for _ in range(2):
        view.list(FACTS), view.find(text="fish"), view.find(filter='{"text": "fish"}')
        assert view.item(DIET)["expires_at"] == item["expires_at"]
    view.ask("memory_put", **edit(DIET, {"text": "x"}, item["updated_at"], ttl="5"))
    assert view.item(DIET)["ttl"] == 5


@pytest.mark.parametrize("kind", ["memory", "langgraph-memory"])
def test_what_cannot_be_written_is_said_and_nothing_is(
    kind: str, make_view: Callable[..., MemoryView]
) -> None:
    view = make_view(kind)
    token = view.ask("memory_open", checkpoint=view.newest)["token"]
    seen = view.item(DIET)["updated_at"]
    refused = [
        (edit(DIET, '{"open": ', seen), "no valid JSON"),
        (edit(DIET, [1], seen), "JSON object"),
        (edit(DIET, {}, seen, ttl="soon"), "no time to live"),
        (edit(DIET, {}, seen - 5_000), "written meanwhile"),
        (edit(HOME, {}, seen), "deleted meanwhile"),
        (edit(None, {}, namespace="users.mia.facts", key="diet"), "already"),
        (edit(None, {}, namespace="", key="x"), "needs a namespace"),
        (edit(None, {}, namespace="users..x", key="x"), "empty label"),
        (edit(None, {}, namespace="users", key=""), "needs a key"),
        (edit(None, {}, namespace="langgraph.x", key="x"), "langgraph"),
    ]
    for request, words in refused:
        failure = view.refused("memory_put", **request)
        assert words in failure["cause"], failure
        assert failure["remedy"]
    assert "written meanwhile" in view.refused("memory_delete", ref=DIET, updated_at=1)["cause"]
    assert view.ask("memory_open", checkpoint=view.newest)["token"] == token


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        *(
            (kind, where)
            for kind in ("memory", "langgraph-memory")
            for where in ('{"text": {"$near": 9}}', '{"text"', '["text"]')
        ),
        ("langgraph-memory", '{"text": {"$gt": 9}}'),
    ],
)
def test_a_filter_that_cannot_be_is_said_with_its_remedy(
    kind: str, where: str, make_view: Callable[..., MemoryView]
) -> None:
    view = make_view(kind)
    words = {"text": "", "filter": where, "query": ""}
    failure = view.refused("memory_search", checkpoint=None, ref="[]", offset=0, limit=9, **words)
    assert failure["cause"] and failure["remedy"]


def by_letters(texts: list[str]) -> list[list[float]]:
    return [[float(text.lower().count(letter)) + 0.01 for letter in "aeiou"] for text in texts]


@pytest.mark.parametrize("kind", ["memory", "sqlite", "langgraph-memory"])
def test_meaning_is_searched_where_the_store_has_an_index(
    kind: str, make_store: Callable[..., Any], make_view: Callable[..., MemoryView]
) -> None:
    store = make_store(kind, index={"embed": by_letters, "dims": 5, "fields": ["text"]})
    graph = memory.build(persistence.MemorySaver(), store)
    memory.seed(graph, "1")
    store.put(("words",), "e", {"text": "eee eee"})
    view = make_view(graph)
    assert view.ask("memory_open", checkpoint=view.newest)["semantic"]
    hits = view.find(query="ee")["items"]
    assert hits[0]["key"] == "e"
    assert hits[0]["score"] > hits[-1]["score"]


def test_copied_code_does_what_the_click_did(make_view: Callable[..., MemoryView]) -> None:
    view = make_view("memory")
    graph = view_graph(view)
    c8 = view.id_of["c8"]
    scope: dict[str, Any] = {"graph": graph}

    def made(code: str) -> Any:
        *lines, last = code.strip().split("\n")
        exec("\n".join(lines), scope)
        return eval(last, scope)

    assert made(view.code(c8, act="get", ref=DIET, as_of=True)).value["text"] == "vegetarian"
    assert made(view.code(c8, act="get", ref=DIET)).value["text"] == "fish"
    assert len(made(view.code(c8, act="history", ref=DIET))) == 2
    assert [i.key for i in made(view.code(c8, act="search", ref="[]", filter='{"text": "fish"}'))] == ["diet"]
    exec("found = " + view.code(c8, act="search", ref="[]", text="FARO"), scope)
    assert {item.key for item in scope["found"]} == {"diet", "home"}
    change = edit(DIET, {"text": "it's vegan", "n": [1, None, True]}, 0)
    exec(view.code(c8, act="put", edit=change), scope)
    assert graph.store.get(memory.facts_of("mia"), "diet").value == {
        "text": "it's vegan",
        "n": [1, None, True],
    }
    exec(view.code(c8, act="delete", ref=DIET), scope)
    assert graph.store.get(memory.facts_of("mia"), "diet") is None


def view_graph(view: MemoryView) -> Any:
    return view.backend.thread.source.graph


def test_a_file_shows_its_memory_and_is_only_read(
    tmp_path: Path, make_view: Callable[..., MemoryView]
) -> None:
    path = str(tmp_path / "both.db")
    with (
        persistence.SqliteSaver.from_conn_string(path) as saver,
        persistence.SqliteStore.from_conn_string(path) as store,
    ):
        memory.seed(memory.build(saver, store), "1")
    view = make_view(Path(path), thread_id="1")
    opened = view.ask("memory_open", checkpoint=view.id_of["c9"])
    assert (opened["versions"], opened["changed"]) == (True, 2)
    assert "both.db" in opened["read_only"]
    assert view.list(FACTS)["items"][0]["key"] == "diet"
    assert "both.db" in view.refused("memory_put", **edit(DIET, {}, 1))["cause"]
    assert "SqliteStore.from_conn_string" in view.code(view.newest, act="get", ref=DIET)


def test_without_a_store_it_is_said(
    make_view: Callable[..., MemoryView], make_store: Callable[..., Any]
) -> None:
    saver = persistence.MemorySaver()
    memory.seed(memory.build(saver, make_store("memory")), "1")
    view = make_view(saver)
    assert view.ask("memory_open", checkpoint=view.newest)["store"] is None
    assert view.refused("memory_list", checkpoint=None, ref="[]", offset=0, limit=9)["remedy"]
    given = make_view(saver, store=make_store("langgraph-memory"))
    assert given.ask("memory_open", checkpoint=given.newest)["store"] == "InMemoryStore"
    with pytest.raises(lgviz.errors.SourceError, match="no store"):
        lgviz.debug(saver, store=42)


@pytest.mark.parametrize("kind", ["memory", "langgraph-memory", "langgraph-sqlite"])
def test_a_full_store_is_paged(kind: str, make_view: Callable[..., MemoryView]) -> None:
    view = make_view(kind)
    store = view_graph(view).store
    for user in range(3):
        store.batch([PutOp(("many", f"u{user}"), f"k{n}", {"n": n, "text": "x" * 500}) for n in range(2_000)])
    assert [n["items"] for n in view.list()["namespaces"]] == [6_000, 3]
    seen = []
    for offset in range(0, 2_000, 200):
        page = view.list('["many", "u1"]', offset=offset, limit=10_000)
        assert page["total"] == 2_000
        seen += [row["key"] for row in page["items"]]
    assert sorted(seen) == sorted(f"k{n}" for n in range(2_000))
    hits = view.find(text="k1999")
    assert (hits["total"], hits["more"]) == (3, False)
    every = view.find(text="xxx")
    assert (every["total"], every["more"], len(every["items"])) == (2_000, True, 100)


ODD = ["ünï", "a/b", '"quoted"', "100%", "line\nbreak", "<b>", "\ud800", "🂡"]


@pytest.mark.parametrize("key", ODD)
def test_odd_keys_are_safe_and_distinct(key: str, make_view: Callable[..., MemoryView]) -> None:
    view = make_view("langgraph-memory")
    store = view_graph(view).store
    for odd in ODD:
        store.put(("odd", odd), odd, {"is": odd})
    (found,) = [n for n in view.list('["odd"]')["namespaces"] if json.loads(n["ref"])[1] == key]
    (row,) = view.list(found["ref"])["items"]
    assert json.loads(row["ref"]) == ["odd", key, key]
    json.dumps(view.item(row["ref"]), ensure_ascii=False).encode()
    view.ask("memory_delete", ref=row["ref"], updated_at=row["updated_at"])
    assert store.get(("odd", key), key) is None


def test_a_store_whose_loop_has_ended_is_said(make_view: Callable[..., MemoryView]) -> None:
    async def opened() -> Any:
        async with aiosqlite.connect(":memory:") as connection:  # its thread would outlive the test
            return LangGraphAsyncSqliteStore(connection)

    view = make_view(memory.build(seeded_saver(), asyncio.run(opened())))
    failure = view.refused("memory_put", **edit(None, {"n": 1}, namespace="a", key="b"))
    assert "event loop" in failure["cause"] and failure["remedy"]


def seeded_saver() -> Any:
    saver = persistence.MemorySaver()
    memory.seed(memory.build(saver), "1")
    return saver


@pytest.mark.parametrize("kind", ["memory", "langgraph-memory"])
def test_at_a_sandboxs_checkpoint_memory_is_what_it_is_there(
    kind: str, make_view: Callable[..., MemoryView]
) -> None:
    view = make_view(kind)
    start = view.id_of["c5"]
    run = {"resume": None, "until": None, "configurable": None, "sandbox": True, "checkpoint": start}
    plan = {
        "values": {},
        "as_node": None,
        "goto": None,
        "keep_siblings": False,
        "note": None,
        "configurable": None,
    }
    text = json.dumps([{"role": "user", "content": "I am vegan."}])
    values = {"messages": {"mode": "append", "text": text}}
    made = view.ask(
        "fork_commit",
        **{**plan, "checkpoint": start, "values": values, "as_node": "__start__", "sandbox": True},
    )
    end = view.ask("run_start", **{**run, "checkpoint": made["id"], "sandbox": False})["checkpoint"]
    opened = view.ask("memory_open", checkpoint=end)
    assert (opened["past"], opened["changed"]) == (True, 1)
    assert "vegan" in view.item(DIET, end)["text"]
    assert "vegan" not in view.item(DIET)["text"]
    (change,) = view.ask("memory_changes", checkpoint=end)["changes"]
    assert (change["key"], change["kind"], change["node"]) == ("diet", "changed", "remember")
