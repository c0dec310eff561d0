"""Decoders fed with what no serializer wrote, in a process in which nothing else may happen.

``python -m tests.support.hostile.fuzz SECONDS SEED`` goes on for so many seconds, and says which seeds it came to.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import ormsgpack
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from lgviz.analysis.same import same
from lgviz.analysis.values import describe
from lgviz.backend.value_views import value_node
from lgviz.errors import NotKept
from lgviz.persistence import ExactSerializer
from lgviz.persistence.blocks.codec import BlockCodec
from lgviz.persistence.blocks.records import read_body, read_channels, read_seen, read_writes
from lgviz.sources.decode import FileDecoder, load_metadata

from .bombs import DEEP_VALUES, LARGE_VALUES
from .corpus import HEALTHY
from .files import SAFE
from .guard import Guard, bound_memory, bounded
from .packed import PACKED
from .texts import TEXTS, content_of

EXAMPLES = 200
"""How many a seed gives."""
_SEEDS = [
    blob.data
    for blob in (
        *PACKED.values(),
        *DEEP_VALUES.values(),
        *LARGE_VALUES.values(),
        HEALTHY.value,
        *(content_of(TEXTS[name]).value for name in ("script", "JSON")),
    )
    if isinstance(blob.data, bytes) and len(blob.data) < 4_000
]
_NAMES = ["os", "system", "builtins", "eval", "langchain_core.messages.ai", "AIMessage", "langgraph.types", "Send", "Interrupt", "Command",
          "collections", "deque", "datetime", "re", "compile", "decimal", "Decimal", "uuid", "UUID", "pydantic", "record", "enum", "derived",
          "exception", "dict", "ndarray", "npscalar", "pd.DataFrame", "pd.Series", "pd.Index", "Pattern", "tuple", "Counter", "OSError", "<f8", "|O", "C"]  # fmt: skip
_TAGS = ["msgpack", "lgviz", "json", "bytes", "null", "pickle", None]


def _packed(value: Any) -> bytes:
    try:
        return ormsgpack.packb(value, option=ormsgpack.OPT_NON_STR_KEYS)
    except (TypeError, ValueError):
        return b"\xc0"


def _extension(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    codes = st.sampled_from([*range(9), *range(16, 24), 127])
    parts = st.lists(st.one_of(st.sampled_from(_NAMES), inner), max_size=6)
    return st.builds(lambda code, made: ormsgpack.Ext(code, _packed(made)), codes, st.one_of(parts, inner))


_ATOMS = st.one_of(
    st.none(), st.booleans(), st.integers(-(1 << 63), (1 << 64) - 1), st.floats(), st.text(max_size=20), st.binary(max_size=20), st.sampled_from(_NAMES)
)  # fmt: skip
_VALUES = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(
            st.one_of(st.sampled_from(_NAMES), st.text(max_size=5), st.integers(0, 9)), inner, max_size=5
        ),
        _extension(inner),
    ),
    max_leaves=20,
)


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """Real bytes, of which some are others, gone, twice, or those of another value."""
    data = bytearray(draw(st.sampled_from(_SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        act = draw(st.integers(0, 4))
        if act == 0 and data:
            data[at] = draw(st.integers(0, 255))
        elif act == 1:
            del data[at:]
        elif act == 2:
            data[at:at] = draw(st.binary(max_size=8))
        elif act == 3:
            other = draw(st.sampled_from(_SEEDS))
            data[at:at] = other[draw(st.integers(0, len(other))) :]
        else:
            data[at : at + 4] = draw(
                st.sampled_from([b"\xff" * 4, b"\x00" * 4, b"\xc9\xff\xff\xff", b"\xdd\x7f\xff\xff"])
            )
    return bytes(data)


BLOBS = st.one_of(_mutated(), _VALUES.map(_packed), st.binary(max_size=200))


def look(tag: str | None, data: bytes) -> None:
    """All that reads such bytes, and what shows what was made of them."""
    decoder = FileDecoder()
    value = decoder.value(tag, data)
    describe(value)
    value_node(value)
    assert same(value, value) in (True, False)
    try:
        written = ExactSerializer().dumps_typed(value)
    except NotKept:
        pass
    else:
        ExactSerializer().loads_typed(written)
    decoder.split(tag, data)
    decoder.fault(tag, data)
    load_metadata(data)


def look_at_rows(data: bytes) -> None:
    """What lies in the rows of lgviz's tables; whatever is damaged is told by an exception."""
    codec = BlockCodec()
    codec.room = 1 << 24
    for read in (
        codec.open_row,
        lambda one: read_body(codec.open_row(one)),
        lambda one: read_writes(codec.open_row(one)),
        lambda one: read_channels(ormsgpack.unpackb(one)),
        lambda one: read_seen(ormsgpack.unpackb(one)),
        *(lambda one, form=form: codec.open(form, one) for form in range(4)),
    ):
        try:
            read(data)
        except Exception:
            continue


def main(seconds: float, first: int) -> None:
    """Go on until the time is over; see the module's text."""
    folder = Path(tempfile.mkdtemp())
    os.chdir(folder)
    guard = Guard(folder)
    look("msgpack", SAFE.dumps_typed({"a": [1]})[1])
    look("lgviz", ExactSerializer().dumps_typed({"a": (1, {2})})[1])
    for blob in (*PACKED.values(), HEALTHY.value):
        look(blob.tag, blob.data)
    bound_memory()
    end, number = time.monotonic() + seconds, first
    while time.monotonic() < end:
        bounded(60)
        print(f"seed {number}", flush=True)

        @seed(number)
        @settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        )
        @given(st.sampled_from(_TAGS), BLOBS)
        def check(tag: str | None, data: bytes) -> None:
            guard.seen.clear()
            with guard.armed():
                look(tag, data)
                look_at_rows(data)
            assert not guard.seen

        check()
        number += 1
    print(
        f"{(number - first) * EXAMPLES} examples in {seconds:.0f} s, seeds {first} to {number - 1}",
        flush=True,
    )


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
