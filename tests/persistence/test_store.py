"""What every store does beyond LangGraph's interface, and what it refuses."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from langgraph.store.base import InvalidNamespaceError, PutOp

from lgviz.errors import BadFilter, BadItem, BadKey, BadMoment, BadNamespace, NotKept, ReadOnly
from tests.support.stores import ALL, call
from tests.support.waiting import until_clock

ODD = (
    "it's",
    'say "so"',
    "100%",
    "a_b",
    "new\nline",
    "über",
    "日本",
    "\ud800",
    " ",
    "*",
    "a/b",
    "a|b",
    "🙂",
    "\x01",
)
BIG = {"kind": "big", "words": [f"word {n} " * 10 for n in range(40)]}


@pytest.mark.parametrize("kind", [*ALL, "postgreslike"])
def test_items_are_kept_exactly(kind: str, make_store: Any) -> None:
    store = make_store(kind)
    value = {
        "when": datetime(2026, 1, 1, tzinfo=UTC),
        "set": {1, 2},
        "tuple": (1, [2]),
        "nested": {"deep": [None]},
    }
    call(store, "put", ("a",), "k", value)
    found = call(store, "get", ("a",), "k")
    assert found.value == value and type(found.value["tuple"]) is tuple
    assert (found.namespace, found.key) == (("a",), "k")
    assert found.created_at == found.updated_at and found.created_at.tzinfo is not None
    found.value["nested"]["deep"].append(1)
    value["set"].add(3)
    again = call(store, "get", ("a",), "k").value
    assert again["nested"] == {"deep": [None]} and again["set"] == {1, 2}
    call(store, "put", ("a",), "big", BIG)
    assert call(store, "get", ("a",), "big").value == BIG
    assert call(store, "get", ("a",), "none") is None


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize(
    "value", [{"x": "\ud800"}, {"\udfff": 1}, {"x": 1 << 64}, {"x": [{"y": -(1 << 63) - 1}]}]
)
def test_what_msgpack_alone_cannot_write(kind: str, value: dict[str, Any], make_store: Any) -> None:
    store = make_store(kind)
    call(store, "put", ("a",), "k", value)
    call(store, "put", ("a",), "k", {})
    call(store, "put", ("a",), "k", value)
    assert call(store, "get", ("a",), "k").value == value
    assert [item.value for item in call(store, "search", (), filter=value)] == [value]
    assert [version.value for version in call(store, "history", ("a",), "k")] == [value, {}, value]


@pytest.mark.parametrize("kind", [*ALL, "postgreslike"])
def test_created_at_survives_an_update(kind: str, make_store: Any) -> None:
    store = make_store(kind)
    call(store, "put", ("a",), "k", {"v": 1})
    first = call(store, "get", ("a",), "k")
    call(store, "put", ("a",), "k", {"v": 2})
    second = call(store, "get", ("a",), "k")
    assert second.created_at == first.created_at and second.updated_at > first.updated_at


@pytest.mark.parametrize("kind", [*ALL, "postgreslike"])
def test_odd_names_are_distinct(kind: str, make_store: Any) -> None:
    store = make_store(kind)
    for n, name in enumerate(ODD):
        call(store, "put", (name,), "k", {"n": n})
        call(store, "put", ("keys",), name + "\0", {"n": n})
        call(store, "put", ("keys",), name, {"n": -n})
        call(store, "put", ("nested", name, name), "k", {"n": n})
    for n, name in enumerate(ODD):
        assert call(store, "get", (name,), "k").value == {"n": n}
        assert call(store, "get", ("keys",), name + "\0").value == {"n": n}
        assert [item.value["n"] for item in call(store, "search", (name,))] == [n]
        assert [item.namespace for item in call(store, "search", ("nested", name))] == [
            ("nested", name, name)
        ]
    names = call(store, "list_namespaces", prefix=("nested",))
    assert names == sorted(("nested", name, name) for name in ODD)


@pytest.mark.parametrize("kind", [*ALL, "postgreslike"])
def test_versions(kind: str, make_store: Any) -> None:
    store = make_store(kind)
    before = time.time()
    call(store, "put", ("a",), "k", {"v": 1})
    call(store, "put", ("a",), "big", BIG)
    call(store, "put", ("a", "b"), "gone", {"v": 0})
    middle = datetime.now(UTC)
    call(store, "put", ("a",), "k", {"v": 2})
    call(store, "delete", ("a", "b"), "gone")
    call(store, "delete", ("a", "b"), "gone")
    call(store, "put", ("a",), "big", BIG | {"kind": "bigger"})
    call(store, "put", ("a",), "new", {"v": 9})

    history = call(store, "history", ("a",), "k")
    assert [version.value for version in history] == [{"v": 1}, {"v": 2}]
    assert history[0].at < middle <= history[1].at
    assert history[0].thread_id is None and (history[0].namespace, history[0].key) == (("a",), "k")
    assert [(v.value, v.deleted) for v in call(store, "history", ("a", "b"), "gone")] == [
        ({"v": 0}, False),
        (None, True),
    ]
    past = store.as_of(middle)
    assert call_past(past, store, "get", ("a",), "k").value == {"v": 1}
    assert call_past(past, store, "get", ("a",), "big").value == BIG
    assert call_past(past, store, "get", ("a",), "new") is None
    assert {item.key for item in call_past(past, store, "search", ("a",))} == {"k", "big", "gone"}
    assert [item.key for item in call_past(past, store, "search", (), filter={"kind": "big"})] == ["big"]
    assert call_past(past, store, "list_namespaces") == [("a",), ("a", "b")]
    assert call_past(store.as_of(before), store, "search", ()) == []
    assert {item.key for item in call_past(past, store, "list", ("a",))} == {"k", "big", "gone"}
    assert call(store, "list_namespaces") == [("a",)]

    changes = call(store, "diff", middle, None)
    assert [(c.namespace, c.key, c.kind) for c in changes] == [
        (("a",), "big", "changed"),
        (("a",), "k", "changed"),
        (("a",), "new", "added"),
        (("a", "b"), "gone", "removed"),
    ]
    assert call(store, "diff", None, middle, ("a", "b"))[0][2:] == ("added", None, {"v": 0})
    assert [version.key for version in call(store, "changes", since=middle)] == ["k", "gone", "big", "new"]


def call_past(past: Any, store: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    if not hasattr(store, "__aenter__"):
        return getattr(past, name)(*args, **kwargs)
    from tests.support.savers import on_loop

    return on_loop(store, getattr(past, f"a{name}")(*args, **kwargs))


@pytest.mark.parametrize("kind", ALL)
def test_forget_and_compact(kind: str, make_store: Any) -> None:
    store = make_store(kind)
    for n in range(3):
        call(store, "put", ("a",), "k", BIG | {"n": n})
        call(store, "put", ("b",), "k", BIG | {"n": n})
    call(store, "delete", ("b",), "k")
    middle = time.time()
    assert call(store, "compact", middle) == 6
    assert [v.value["n"] for v in call(store, "history", ("a",), "k")] == [2]
    assert call(store, "history", ("b",), "k") == []
    assert call(store, "get", ("a",), "k").value == BIG | {"n": 2}
    call(store, "put", ("a", "below"), "k", {"v": 1})
    assert call(store, "forget", ("a",)) == 1
    assert call(store, "history", ("a",), "k") == [] and call(store, "get", ("a",), "k") is None
    assert call(store, "get", ("a", "below"), "k").value == {"v": 1}
    assert call(store, "forget", ("a", "below"), "k") == 1
    assert call(store, "list_namespaces") == []


@pytest.mark.parametrize("kind", ["memory", "aiosqlite"])
def test_refusals(kind: str, make_store: Any) -> None:
    store = make_store(kind)
    for namespace in ((), ("a.b",), ("",), ("a", 1), ("langgraph", "x"), "users", ("nul\0",)):
        with pytest.raises(BadNamespace) as caught:
            call(store, "put", namespace, "k", {})
        assert isinstance(caught.value, InvalidNamespaceError) and caught.value.cause and caught.value.remedy
    with pytest.raises(BadKey, match="Keys are text"):
        call(store, "put", ("a",), 1, {})
    for value in ([1], "text", 3):
        with pytest.raises(BadItem, match="A value is a dict"):
            call(store, "put", ("a",), "k", value)
    with pytest.raises(NotKept, match=r"Item 'k' of \('a',\)"):
        call(store, "put", ("a",), "k", {"f": lambda: 0})
    with pytest.raises(BadFilter, match=r"The operators are \$eq, \$ne"):
        call(store, "search", ("a",), filter={"x": {"$regex": "y"}})
    with pytest.raises(BadFilter):
        call(store, "search", ("a",), filter={"x": {"$gt": None}})
    with pytest.raises(BadItem):
        call(store, "put", ("a",), "k", {}, ttl="soon")
    for asked in ({"limit": "3"}, {"limit": None}, {"offset": 1.5}, {"query": ["food"]}):
        with pytest.raises(BadFilter) as refused:
            call(store, "search", ("a",), **asked)
        assert refused.value.remedy
    with pytest.raises(BadFilter):
        call(store, "search", ("a",), filter={"x": {"$gt": 10**400}})
    with pytest.raises(BadFilter, match="max_depth"):
        call(store, "list_namespaces", max_depth="1")
    assert call(store, "search", ("a",), limit=10**30, offset=10**30) == []
    for when in ("yesterday", None, object(), {"configurable": {}}, 1e20, 1_763_722_800_000):
        with pytest.raises(BadMoment):
            store.as_of(when)
    with pytest.raises(ReadOnly):
        store.as_of(time.time()).put(("a",), "k", {})
    assert call(store, "search", ()) == []


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
def test_the_order_of_search_is_that_of_langgraphs_store_of_the_kind(
    kind: str, make_store: Any, tmp_path: Any, request: pytest.FixtureRequest
) -> None:
    from contextlib import ExitStack

    with ExitStack() as stack:
        if kind == "memory":
            from langgraph.store.memory import InMemoryStore as Theirs

            theirs: Any = Theirs()
        elif kind == "sqlite":
            from langgraph.store.sqlite import SqliteStore as TheirSqlite

            theirs = stack.enter_context(TheirSqlite.from_conn_string(str(tmp_path / "theirs.db")))
        else:
            from langgraph.store.postgres import PostgresStore as TheirPostgres

            uri = request.getfixturevalue("postgres_uri")()
            theirs = stack.enter_context(TheirPostgres.from_conn_string(uri))
        if kind != "memory":
            theirs.setup()
        ours = make_store(kind)
        for space, key in ((("b",), "1"), (("a",), "1"), (("b",), "2"), (("b",), "1")):
            for store in (ours, theirs):
                store.put(space, key, {"v": 1})
            # LangGraph's SqliteStore keeps whole seconds.
            until_clock(int(time.time()) + 1 if kind == "sqlite" else time.time() + 0.001)
        for prefix, limit, offset in (((), 10, 0), (("b",), 10, 0), ((), 2, 1)):
            found = [
                [(item.namespace, item.key) for item in store.search(prefix, limit=limit, offset=offset)]
                for store in (ours, theirs)
            ]
            assert found[0] == found[1]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_batch_is_all_or_nothing(kind: str, make_store: Any) -> None:
    store = make_store(kind)
    store.put(("a",), "k", {"v": 1})
    with pytest.raises(NotKept):
        store.batch([PutOp(("a",), "k", {"v": 2}), PutOp(("a",), "f", {"f": lambda: 0})])
    assert store.get(("a",), "k").value == {"v": 1}
    at = time.time()
    store.batch([PutOp(("a",), f"k{n}", {"v": n}) for n in range(1200)])
    assert len(store.list(("a",))) == 1201
    changes = store.changes(since=at)
    assert len(changes) == 1200 and len({version.at for version in changes}) == 1
    assert [item.key for item in store.as_of(at).search(())] == ["k"]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_large_value_costs_what_changed(kind: str, make_store: Any) -> None:
    store = make_store(kind)
    value = {"entries": [f"entry {n} " + "word " * 30 for n in range(600)]}
    store.put(("a",), "k", value)
    count = "SELECT count(*), sum(length(data)) FROM lgviz_blocks"
    nodes, size = store.conn.execute(count).fetchone()
    value["entries"][300] = "now another"
    store.put(("a",), "k", value)
    more, larger = store.conn.execute(count).fetchone()
    assert more - nodes < 6 and larger - size < size / 20
    assert [v.value["entries"][300][:5] for v in store.history(("a",), "k")] == ["entry", "now a"]
