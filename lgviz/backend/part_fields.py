"""The form of a part of a state: by what the state's schema says of it, else by its value."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
from typing import Any

from pydantic import BaseModel

from lgviz.analysis.edits import KEPT
from lgviz.analysis.messages import is_message, read_message
from lgviz.analysis.types import Hint, adapter_of, members
from lgviz.backend.fields import form_of
from lgviz.protocol import FieldView

__all__ = ["field_of_part"]

_ROLES = ("human", "ai", "system", "tool")
_CALL = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "args": {"type": "object"}},
    "required": ["name", "args"],
}


def field_of_part(value: Any, hint: Hint, data: Any) -> FieldView:
    """The form of a value, with ``data`` in it (its JSON, or what was made of that).

    >>> field_of_part("a", str, "a")["kind"], field_of_part({"n": 1}, Any, {"n": 1})["kind"]
    ('text', 'object')
    """
    form = form_of(_schema(value, hint), data)
    return _with_kept(form, data)


def _schema(value: Any, hint: Hint) -> Any:
    if is_message(value):
        key = "type" if not isinstance(value, dict) or "type" in value else "role"
        role = value[key] if isinstance(value, dict) else value.type
        roles = list(dict.fromkeys([*_ROLES, role])) if role == read_message(value).role else [role, *_ROLES]
        calls = {"type": "array", "items": _CALL}
        return {"type": "object", "properties": {key: {"enum": roles}, "content": True, "tool_calls": calls}}
    own = isinstance(value, (BaseModel, enum.Enum, datetime.date)) or dataclasses.is_dataclass(value)
    choices = members(hint)
    wanted = type(value) if own and not (len(choices) > 1 and type(value) in choices) else hint
    if wanted is Any or wanted is object:
        return True
    try:
        return adapter_of(wanted).json_schema(by_alias=False)
    except Exception:  # a type that pydantic has no JSON schema for
        return True


def _with_kept(field: FieldView, data: Any) -> FieldView:
    """The form in which what JSON cannot hold stands as it is, and cannot be typed over by parts."""
    if isinstance(data, dict) and KEPT in data:
        kept: FieldView = {**field, "kind": "json", "fields": [], "value": json.dumps(data)}
        return {**kept, "reason": f"{data.get('is', '')} stays as it is."}
    if field["kind"] == "oneof" and field["value"] is not None:
        at = int(field["value"])
        return {
            **field,
            "fields": [_with_kept(one, data) if i == at else one for i, one in enumerate(field["fields"])],
        }
    if field["kind"] == "object" and isinstance(data, dict):
        parts = [_with_kept(one, data.get(one["name"])) for one in field["fields"]]
        return {**field, "fields": parts}
    if field["kind"] == "list" and isinstance(data, list):
        return {**field, "fields": [_with_kept(one, data[i]) for i, one in enumerate(field["fields"])]}
    return field
