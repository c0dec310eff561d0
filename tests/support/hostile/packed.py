"""Values that name code to be run, however it is packed, and values that are nothing that a class would make."""

from __future__ import annotations

import io
import json
import marshal
import os
import pickle
from typing import Any

import numpy as np
import ormsgpack
import pandas as pd

from .files import Blob

CANARY = "lgvizxss_canary"
"""A module that lies in the working folder; it writes a file where it is imported."""


def _raw(value: Any) -> bytes:
    return ormsgpack.packb(value, option=ormsgpack.OPT_NON_STR_KEYS)


def ext(code: int, *parts: Any) -> ormsgpack.Ext:
    """An extension of msgpack with these parts in it."""
    return ormsgpack.Ext(code, _raw(list(parts)))


def msgpack(value: Any) -> Blob:
    return Blob("msgpack", _raw({"before": 1, "value": value, "after": "kept"}))


def exact(code: int, payload: Any) -> Blob:
    """A value as lgviz's serializer would write it, but for what it holds."""
    made = ormsgpack.Ext(code, payload if isinstance(payload, bytes) else _raw(payload))
    return Blob("lgviz", _raw({"before": 1, "value": made, "after": "kept"}))


def form(name: str, *parts: Any) -> Blob:
    return exact(16, [name, *parts])


def js(value: Any) -> Blob:
    return Blob("json", json.dumps({"before": 1, "value": value, "after": "kept"}).encode())


class Evil:
    """Runs a command where it is unpickled."""

    def __reduce__(self) -> Any:
        return (os.system, ("touch lgvizxss_ran",))


def _npy(value: Any) -> bytes:
    made = io.BytesIO()
    np.save(made, value, allow_pickle=True)
    return made.getvalue()


def _npz() -> bytes:
    made = io.BytesIO()
    np.savez(made, a=np.array([Evil()], dtype=object))
    return made.getvalue()


def _frame() -> bytes:
    made = io.BytesIO()
    pd.DataFrame({"a": [Evil()]}).to_pickle(made)
    return made.getvalue()


def _constructor(version: int, *id_: str, **more: Any) -> Blob:
    return js({"lc": version, "type": "constructor", "id": list(id_), **more})


_MESSAGE = "langchain_core.messages.ai", "AIMessage"
_OBJECTS = np.array([Evil()], dtype=object)

PICKLES: dict[str, Blob] = {  # in every coat
    "pickle": Blob("pickle", pickle.dumps(Evil())),
    "pickle of protocol 0": Blob("pickle", pickle.dumps(Evil(), 0)),
    "pickle called msgpack": Blob("msgpack", pickle.dumps(Evil())),
    "pickle called json": Blob("json", pickle.dumps(Evil(), 0)),
    "pickle called lgviz": Blob("lgviz", pickle.dumps(Evil())),
    "pickle without a tag": Blob(None, pickle.dumps(Evil(), 0)),
    "pickle in bytes": msgpack(pickle.dumps(Evil())),
    "array of objects, pickled": msgpack(_npy(_OBJECTS)),
    "npz of objects": msgpack(_npz()),
    "frame, pickled": msgpack(_frame()),
    "code, marshalled": Blob("marshal", marshal.dumps(compile("import os; os.system('touch ran')", "x", "exec"))),
    "tag of another codec": Blob("cloudpickle", pickle.dumps(Evil())),
    "tag of a cipher": Blob("msgpack+aes", b"\x00" * 64),
    "tag of a cipher, of pickle": Blob("pickle+aes", pickle.dumps(Evil())),
    "tag of markup": Blob("<lgvizxss>", b"x"),
}  # fmt: skip

EXTENSIONS: dict[str, Blob] = {  # of LangGraph's msgpack
    **{
        f"extension {code} names {module}.{name}": msgpack(ext(code, module, name, argument, method))
        for module, name, argument, method in (
            ("os", "system", "touch lgvizxss_ran", "__call__"),
            ("builtins", "eval", "__import__('os').system('touch lgvizxss_ran')", "__call__"),
            ("subprocess", "Popen", {"args": "touch lgvizxss_ran", "shell": True}, "__init__"),
        )
        for code in range(6)
    },
    "a method of a method": msgpack(ext(3, "importlib", "import_module", CANARY, "__call__")),
    "a module that is not loaded": msgpack(ext(5, CANARY, "Model", {"x": 1}, "model_validate_json")),
    "a module of the library": msgpack(ext(0, "antigravity", "fly", 1)),
    "a module of LangChain that is not loaded": msgpack(ext(2, "langchain_core.tracers.evaluation", "EvaluatorCallbackHandler", {})),
    "a submodule below a trusted one": msgpack(ext(5, "langgraph.lgvizxss_canary", "Model", {"x": 1})),
    "a class by a path through others": msgpack(ext(2, "builtins", "object.__subclasses__", {})),
    "a class of no name": msgpack(ext(2, "", "", {})),
    "names that are no text": msgpack(ext(2, 5, ["a"], {})),
    "too few parts": msgpack(ext(0)),
    "an extension in an extension": msgpack(ext(5, *_MESSAGE, {"content": ext(0, "os", "system", "touch ran")})),
    "a send that holds one": msgpack(ext(1, "langgraph.types", "Send", ["node", ext(2, "os", "system", {})])),
    "an array of dtype O": msgpack(ormsgpack.Ext(6, _raw(["|O", [1], "C", pickle.dumps(Evil())]))),
    "an array of a shape that lies": msgpack(ormsgpack.Ext(6, _raw(["<f8", [1 << 40], "C", b"\x00" * 8]))),
    "an array of nothing, huge": msgpack(ormsgpack.Ext(6, _raw(["<f8", [0, 1 << 60], "C", b""]))),
    "a snapshot in snapshots": msgpack(ormsgpack.Ext(7, _raw(ormsgpack.Ext(7, _raw(ext(0, "os", "system", "touch ran")))))),
    "extensions nobody knows": msgpack([ormsgpack.Ext(code, b"abc") for code in (8, 15, 99, 127)]),
    "a pattern that prints": msgpack(ext(3, "re", "compile", ["\x1b]0;lgvizxss\x07(a|b)*", 128])),
    "a pattern of positional arguments": msgpack(ext(1, "re", "compile", ["(" * 2000 + ")" * 2000, 0])),
    "a zone outside of its folder": msgpack(ext(0, "zoneinfo", "ZoneInfo", "../../../etc/passwd")),
    "a zone in a package": msgpack(ext(0, "zoneinfo", "ZoneInfo", "lgvizxss_canary/x")),
    "a decimal with an exponent": msgpack([ext(0, "decimal", "Decimal", text) for text in ("1e999999", "sNaN", "-Infinity", "1e-999999")]),
    "a set of what has no hash": msgpack(ext(0, "builtins", "set", [[1], {}])),
    "a class of LangGraph that is none of data": msgpack(ext(2, "langgraph.pregel.main", "Pregel", {"nodes": {}, "checkpointer": 5})),
    "a class of LangChain by attributes": msgpack(ext(2, "langchain_core.runnables.base", "RunnableLambda", {"func": "x", "name": 7})),
    "a batch that cancels as it goes": msgpack(ext(2, "langgraph.store.base.batch", "AsyncBatchedBaseStore", {"_task": {"cancel": 1}})),
}  # fmt: skip

CONSTRUCTORS: dict[str, Blob] = {  # in LangGraph's JSON of 2024, and LangChain's
    "lc 2 of os.system": _constructor(2, "os", "system", args=["touch lgvizxss_ran"]),
    "lc 2 of a module that is not loaded": _constructor(2, CANARY, "Model", kwargs={}),
    "lc 2 by a method": _constructor(2, "builtins", "str", method="format", args=["{0.__class__}"]),
    "lc 2 of a pattern that prints": _constructor(2, "re", "compile", args=["\x1b]0;lgvizxss\x07", 128]),
    "lc 2 of a zone": _constructor(2, "zoneinfo", "ZoneInfo", args=["../../../etc/passwd"]),
    "lc 1 of subprocess": _constructor(1, "subprocess", "Popen", kwargs={"args": "touch ran", "shell": True}),
    "lc 1 of a secret": js({"lc": 1, "type": "secret", "id": ["LGVIZXSS_SECRET"]}),
    "lc 1 of what was not kept": js({"lc": 1, "type": "not_implemented", "id": ["a", "b"], "repr": "<lgvizxss>"}),
    "lc 1 of a template": _constructor(
        1, "langchain_core", "prompts", "prompt", "PromptTemplate",
        kwargs={"template": "{{ ''.__class__.__mro__ }}", "template_format": "jinja2", "input_variables": []},
    ),
    "lc 1 of a module of LangChain that is not loaded": _constructor(
        1, "langchain_core", "prompts", "few_shot_with_templates", "FewShotPromptWithTemplates", kwargs={}
    ),
    "lc 1 of a model": _constructor(1, "langchain", "chat_models", "openai", "ChatOpenAI", kwargs={"api_key": "x"}),
    "lc 1 of nonsense": js([{"lc": 1, "type": "constructor", "id": None}, {"lc": 1}, {"lc": 2, "type": "constructor", "id": [5]}]),
}  # fmt: skip

MESSAGES: dict[str, Blob] = {  # whose fields no constructor would let pass
    **{
        f"a message whose {name} is {value!r:.20}": msgpack(
            {"messages": [ext(5, *_MESSAGE, {"content": "x", "type": "ai", "id": "1", name: value}, "model_validate_json")]}
        )
        for name, value in (
            ("content", 7), ("content", [{"type": "image_url", "image_url": {"url": "lgvizxss:1"}}, 5, None, {"type": 3}]),
            ("content", {"a": [1]}), ("id", {"a": 1}), ("type", ["<lgvizxss>"]), ("name", {}), ("tool_calls", "abc"),
            ("tool_calls", [{"name": 5, "args": "x", "id": []}, 7, None]), ("usage_metadata", [1]),
            ("additional_kwargs", 5), ("response_metadata", "x"),
        )
    },
}  # fmt: skip

FORMS: dict[str, Blob] = {  # of lgviz's serializer
    "an object of os.system": exact(17, ["posix", "system", "record", {"x": 1}]),
    "an object of a kind nobody knows": exact(17, ["langchain_core.messages.ai", "AIMessage", "reduce", {"x": 1}]),
    "an exception that ends": exact(17, ["builtins", "SystemExit", "exception", [3], {}, {}]),
    "an exception with a class": exact(17, ["builtins", "OSError", "exception", [[1], {}], {"a": 1}, {"__class__": "x", "filename": {}}]),
    "an exception of wrong arguments": exact(17, ["builtins", "UnicodeDecodeError", "exception", [1], {}, {}]),
    "a class that is no exception": exact(17, ["builtins", "dict", "exception", [], {}, {}]),
    "a derived of a trusted class": exact(17, ["langchain_core.messages.ai", "AIMessage", "derived", "dict", {}, {}]),
    "attributes that are Python's": exact(17, ["langgraph.types", "Interrupt", "record", {"__class__": 5, "__dict__": {}, "value": 1}]),
    "a record of a message": exact(17, ["langchain_core.messages.ai", "AIMessage", "record", {"content": 1, "__dict__": {"a": 1}}]),
    "a message without fields": exact(17, ["langchain_core.messages.ai", "AIMessage", "pydantic", {}, [], None, None]),
    "a message of numbers": exact(17, ["langchain_core.messages.ai", "AIMessage", "pydantic", {1: 2}, [3], 5, 6]),
    "a pattern that prints, of lgviz": form("Pattern", "\x1b]0;lgvizxss\x07", 128),
    "a zone, of lgviz": form("ZoneInfo", "../../../etc/passwd"),
    "a zone in a package, of lgviz": form("ZoneInfo", "lgvizxss_canary/x"),
    "a dtype with a program": form("ndarray", "[('a', __import__('os').system('touch ran'))]", [1], "C", b"x"),
    "a dtype of many brackets": form("ndarray", "[" * 5000, [1], "C", b"x"),
    "a dtype of objects": form("ndarray", "|O", [1], "C", b"\x00" * 8),
    "a scalar of objects": form("npscalar", "|O", b"\x00" * 8),
    "an array of nothing, huge, of lgviz": form("ndarray", "<f8", [0, 1 << 60], "C", b""),
    "an array of empty texts": form("ndarray", "<U0", [1 << 50], "C", b""),
    "an array of unlike parts": form("ndarray", None, [1 << 40], "C", [1]),
    "a frame of nothing": form("pd.DataFrame", None, None, {}, []),
    "a frame of unlike columns": form("pd.DataFrame", [1], [[1], {}], {}, [["plain", [1, 2]], ["categorical", [1 << 40], [1], True]]),
    "a series of extension": form("pd.Series", "x", None, {}, "masked", [1], [True, False], "Int8"),
    "an index by nanoseconds": form("pd.Index", "x", "ns", "plain", [1, 2]),
    "a time zone of pandas": form("pd.Timestamp", 5, "ns", 0, "../../../etc/passwd"),
    "a range without end": form("range", 0, 1 << 62, 1),
    "a slice of slices": form("slice", 1, None, "x"),
    "a default of no factory": form("defaultdict", "eval", {}),
    "a namespace of numbers": form("SimpleNamespace", {1: 2}),
    "a namespace of dunders": form("SimpleNamespace", {"__class__": 1, "__repr__": "x", "a": "b"}),
    "a chain of no maps": form("ChainMap", 1, 2),
    "a proxy of a list": form("MappingProxyType", [1]),
    "an array of a code nobody knows": form("array", "z", b"12"),
    "an array of text cut": form("array", "u", b"\xff\xff\xff\x7f"),
    "a fraction of nothing": form("Fraction", 1, 0),
    "a decimal with an exponent, of lgviz": Blob("lgviz", _raw({"a": [ormsgpack.Ext(16, _raw(["Decimal", x])) for x in ("1e999999", "sNaN")]})),
    "a time of struct": form("struct_time", [1, 2]),
    "a date that is none": form("datetime", 99999, 99, 99, 99, 0, 0, 0, None),
    "a span that overflows": form("timedelta", 1 << 62, 0, 0),
    "a set of what has no hash, of lgviz": exact(18, _raw([_raw([1])])),
    "keys of what has no hash": exact(20, [[1], 2, {}, 3]),
    "a form of the future": form("lgvizxss<b>", 1, 2),
    "an error of nothing": form("error", 5, {"a": 1}, ["x"]),
    "a number of a million digits": exact(21, b"\x7f" + b"\xff" * 400_000),
    "a text of surrogates": exact(22, "\ud800<lgvizxss>\udfff".encode("utf-8", "surrogatepass")),
    "LangGraph's extension, kept": exact(23, b"\x00" + _raw(["os", "system", "touch ran"])),
    "not a number": msgpack([float("nan"), float("inf"), -0.0]),
}  # fmt: skip

PACKED = {**PICKLES, **EXTENSIONS, **CONSTRUCTORS, **MESSAGES, **FORMS}
