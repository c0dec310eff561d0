"""The code of a fork's values: literals, and for an edited part what makes it of the state before."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from lgviz import session
from lgviz.analysis.same import same
from lgviz.analysis.values import fields_of, guarded_repr
from lgviz.backend.code import literal
from lgviz.backend.parts import EditedChannel

__all__ = ["fork_entries"]

_INDENT = 8


def fork_entries(values: Mapping[str, Any], parts: Mapping[str, EditedChannel]) -> dict[str, str]:
    """By channel the code of its value in an update; the state before is ``values`` there."""
    entries = {
        channel: f"lgviz.Set({literal(value.value, _INDENT)})"
        if isinstance(value, session.Set)
        else literal(value, _INDENT)
        for channel, value in values.items()
    }
    for channel, part in parts.items():
        base = f"values[{channel!r}]"
        if part.messages is None:
            whole = _changed(base, part.before, part.after)
            entries[channel] = f"lgviz.Set({whole})" if part.reduced else whole
        else:
            each = [_changed(f"{base}[{i}]", part.before[i], part.after[i]) for i in part.messages]
            entries[channel] = f"[{', '.join(each)}]"
    return entries


def _changed(base: str, old: Any, new: Any) -> str:
    """Code that makes the new value of the old one, which ``base`` names."""
    if same(old, new):
        return base
    if type(old) is type(new):
        if isinstance(new, BaseModel) or (dataclasses.is_dataclass(new) and not isinstance(new, type)):
            was = dict(fields_of(old))
            named = {
                name: _changed(f"{base}.{name}", was.get(name), now)
                for name, now in fields_of(new)
                if name not in was or not same(was[name], now)
            }
            if isinstance(new, BaseModel):
                return f"{base}.model_copy(update={{{', '.join(f'{k!r}: {v}' for k, v in named.items())}}})"
            return f"dataclasses.replace({base}, {', '.join(f'{k}={v}' for k, v in named.items())})"
        if isinstance(new, dict) and old.keys() <= new.keys() and len(old) > 1:
            told = [f"{key!r}: {_changed(f'{base}[{key!r}]', old.get(key), now)}"
                    for key, now in new.items() if key not in old or not same(old[key], now)]  # fmt: skip
            return f"{{**{base}, {', '.join(told)}}}"
        if type(new) is list and len(new) == len(old) > 1:
            differ = [i for i in range(len(new)) if not same(old[i], new[i])]
            if len(differ) == 1:
                (i,) = differ
                return f"[*{base}[:{i}], {_changed(f'{base}[{i}]', old[i], new[i])}, *{base}[{i + 1}:]]"
    return _written(new, old, base)


def _written(new: Any, old: Any, base: str) -> str:
    if isinstance(new, enum.Enum) and type(new) is type(old):
        return f"type({base})({new.value!r})"
    if isinstance(new, (datetime.date, datetime.time, datetime.timedelta)):
        return repr(new)
    return literal(new, _INDENT) if _is_plain(new) else guarded_repr(new, 2_000)


def _is_plain(value: Any) -> bool:
    if type(value) is dict:
        return all(map(_is_plain, value)) and all(map(_is_plain, value.values()))
    if type(value) is list:
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, str)
