"""A JSON schema as the fields of a form, with the value that stands in them; what is wrong with a value."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from lgviz._visible import HIDDEN
from lgviz.analysis.values import clean
from lgviz.backend.forms import json_of
from lgviz.protocol import FieldEmpty, FieldError, FieldKind, FieldOption, FieldView

if TYPE_CHECKING:  # with what JupyterLab brings it takes seconds to import: only who fills in a form waits
    from jsonschema import FormatChecker
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

__all__ = ["NOTHING", "errors_of", "form_of", "option_of", "schema_problem"]

NOTHING: Any = object()
"""No value: the field is empty."""

_FIELDS = 200
_ITEMS = 50
_DEPTH = 6
_ERRORS = 50
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_UNKNOWN: Mapping[str, Any] = {"type": "?"}
_ESCAPED = re.compile(f"{HIDDEN.pattern}|[\ud800-\udfff]")


@cache
def _formats() -> FormatChecker:
    from jsonschema import FormatChecker

    made = FormatChecker(formats=())
    made.checks("date", raises=ValueError)(lambda text: not isinstance(text, str) or _iso(dt.date, text))
    made.checks("date-time", raises=ValueError)(
        lambda text: not isinstance(text, str) or _iso(dt.datetime, text)
    )
    return made


def form_of(schema: Any, value: Any = NOTHING, *, name: str = "", required: bool = True) -> FieldView:
    """The form of a schema, with the value that it starts from.

    What the form cannot ask by parts (free keys, tuples, schemas that refer elsewhere, a value that does not
    fit) is one field of kind ``json``, so that any value can be given.

    Args:
        schema: a JSON schema; True where nothing is known: then the value itself tells its fields.
        value: what the form starts from; without it, the schema's defaults.
        name: the key of the value in what it is part of.
        required: whether a value must be given.
    """
    start = NOTHING
    if value is not NOTHING:
        text, reason = json_of(value)
        if reason is not None:
            return {**_field("json", name, required=required), "reason": reason}
        start = json.loads(text)
    forms = _Forms(schema if isinstance(schema, Mapping) else {}, defaults=value is NOTHING)
    return forms.field(schema, start, name, required)


def schema_problem(schema: Any) -> str | None:
    """Why nothing can be checked against a schema; None where it can."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
        for ref in _refs(schema):
            if _pointed(schema, ref) is None:
                return f"The schema refers to {clean(ref)[:100]!r}, which it does not hold."
    except (SchemaError, RecursionError) as error:
        return f"The schema is none: {clean(str(getattr(error, 'message', error)))[:200]}"
    return None


def errors_of(schema: Any, value: Any) -> list[FieldError]:
    """What a schema refuses in a value, each at the path of the part that is wrong; at most 50."""
    from referencing.exceptions import Unresolvable

    found = _validator(schema).iter_errors(value)
    try:
        return list(islice((said for error in found for said in _said(error)), _ERRORS))
    except Unresolvable:
        return []  # told by `schema_problem`: nothing can be checked


def option_of(value: Any, label: str | None = None) -> FieldOption:
    """A plain value that can be chosen."""
    text = json.dumps(value, ensure_ascii=False)
    shown = label if label is not None else value if isinstance(value, str) else text
    return {"label": clean(shown)[:200], "value": text}


def _field(kind: FieldKind, name: str, *, required: bool, **more: Any) -> FieldView:
    field: FieldView = {
        "name": clean(name),
        "kind": kind,
        "hint": "",
        "required": required,
        "empty": "needed" if required else "absent",
        "value": None,
        "options": [],
        "fields": [],
        "item": None,
        "reason": None,
    }
    field.update(more)  # type: ignore[typeddict-item]
    return field


class _Forms:
    """Makes the fields of one schema.

    Args:
        root: the schema that ``$ref`` points into.
        defaults: whether fields start from the schema's defaults; not where a value is there already.
    """

    def __init__(self, root: Mapping[str, Any], *, defaults: bool) -> None:
        self._root = root
        self._defaults = defaults
        self._left = _FIELDS

    def field(self, schema: Any, value: Any, name: str, required: bool, depth: int = 0) -> FieldView:
        """The field of one part of the schema."""
        self._left -= 1
        schema, nullable = self._plain(schema)
        if value is NOTHING and self._defaults and schema.get("default") is not None:
            value = schema["default"]
        made = None
        if self._left > 0 and depth < _DEPTH:
            made = self._made(schema, value, name, required, depth)
        if made is None:
            made = _field("json", name, required=required)
            made["value"] = None if value is NOTHING else _dumped(value)
        made["hint"] = _hint(schema, name if not made["fields"] and not made["options"] else "")
        made["empty"] = _empty(made, value, required, nullable)
        return made

    def _made(
        self, schema: Mapping[str, Any], value: Any, name: str, required: bool, depth: int
    ) -> FieldView | None:
        variants = schema.get("oneOf") or schema.get("anyOf")
        if "const" in schema or "enum" in schema or _are_constants(variants):
            return _choice(schema, value, name, required)
        if variants:
            return self._variants(variants, value, name, required, depth)
        kind = schema.get("type")
        if kind is None:
            kind = "object" if "properties" in schema else _type_of(value)
        if isinstance(kind, list):
            several = [{**schema, "type": one} for one in kind]
            return self._variants(several, value, name, required, depth)
        if kind == "object":
            return self._object(schema, value, name, required, depth)
        if kind == "array":
            return self._list(schema, value, name, required, depth)
        return _leaf(kind, schema, value, name, required)

    def _object(
        self, schema: Mapping[str, Any], value: Any, name: str, required: bool, depth: int
    ) -> FieldView | None:
        known = schema.get("properties", {})
        held = value if isinstance(value, dict) else {}
        if (not known and not held) or (value not in (NOTHING, None) and not isinstance(value, dict)):
            return None
        if not all(map(_is_seen, held)):
            return None
        rest = schema.get("additionalProperties", True)
        needed = set(schema.get("required", ()))
        parts = []
        for key in dict.fromkeys([*known, *held]):
            must = key in needed or key not in known
            parts.append(self.field(known.get(key, rest), held.get(key, NOTHING), key, must, depth + 1))
        there = isinstance(value, dict) or required
        return _field("object", name, required=required, fields=parts, value="{}" if there else None)

    def _list(
        self, schema: Mapping[str, Any], value: Any, name: str, required: bool, depth: int
    ) -> FieldView | None:
        items = schema.get("items", True)
        held = value if isinstance(value, list) else []
        if value not in (NOTHING, None) and not isinstance(value, list):
            return None
        if (items is True and not held) or "prefixItems" in schema or len(held) > _ITEMS:
            return None
        if items is True and len({type(item) for item in held}) > 1:
            return None
        blank = held[0] if items is True else NOTHING
        item = self.field(items, blank, "", True, depth + 1)
        if items is True:
            item = _blank(item)
        parts = [self.field(items, one, str(i), True, depth + 1) for i, one in enumerate(held)]
        there = isinstance(value, list) or required
        return _field("list", name, required=required, fields=parts, item=item, value="[]" if there else None)

    def _variants(
        self, variants: Sequence[Any], value: Any, name: str, required: bool, depth: int
    ) -> FieldView | None:
        """One of several: which, and the form of each."""
        chosen = None
        forms = []
        for place, variant in enumerate(variants):
            fits = chosen is None and value not in (NOTHING, None) and self._fits(variant, value)
            if fits:
                chosen = place
            form = self.field(variant, value if fits else NOTHING, "", True, depth + 1)
            plain, _ = self._plain(variant)
            title = plain.get("title") or _TYPES.get(str(plain.get("type")), f"form {place + 1}")
            forms.append({**form, "name": clean(str(title))[:80]})
        if chosen is None and value not in (NOTHING, None):
            return None
        return _field(
            "oneof", name, required=required, fields=forms, value=None if chosen is None else str(chosen)
        )

    def _fits(self, schema: Any, value: Any) -> bool:
        kept = {key: self._root[key] for key in ("$defs", "definitions") if key in self._root}
        return not errors_of({**kept, **self._plain(schema)[0]}, value)

    def _plain(self, schema: Any, hops: int = 8) -> tuple[Mapping[str, Any], bool]:
        """A schema without ``$ref`` and without the ``null`` that it allows besides; whether it allows it."""
        if not isinstance(schema, Mapping):
            return {}, False
        if isinstance(ref := schema.get("$ref"), str):
            target = _pointed(self._root, ref) if hops else None
            if target is None:
                return _UNKNOWN, False
            rest = {key: part for key, part in schema.items() if key != "$ref"}
            return self._plain({**target, **rest}, hops - 1)
        if isinstance(all_of := schema.get("allOf"), list) and len(all_of) == 1:
            rest = {key: part for key, part in schema.items() if key != "allOf"}
            return self._plain({**all_of[0], **rest}, hops - 1) if hops else (_UNKNOWN, False)
        kinds = schema.get("type")
        if isinstance(kinds, list) and "null" in kinds:
            left = [kind for kind in kinds if kind != "null"]
            return {**schema, "type": left[0] if len(left) == 1 else left}, True
        for key in ("anyOf", "oneOf"):
            some = schema.get(key)
            if not isinstance(some, list):
                continue
            left = [one for one in some if not (isinstance(one, Mapping) and one.get("type") == "null")]
            outer = {name: part for name, part in schema.items() if name != key}
            if len(left) == 1:
                inner, nullable = self._plain(
                    {**left[0], **outer} if isinstance(left[0], Mapping) else {}, hops
                )
                return inner, nullable or len(left) < len(some)
            if len(left) < len(some):
                return {**outer, key: left}, True
        return schema, False


def _leaf(kind: str, schema: Mapping[str, Any], value: Any, name: str, required: bool) -> FieldView | None:
    """A field without parts; None where the value does not fit in it."""
    form, holds = {
        "string": ("text", isinstance(value, str) and _is_seen(value)),
        "integer": ("integer", type(value) is int),
        "number": ("number", type(value) in (int, float)),
        "boolean": ("bool", isinstance(value, bool)),
    }.get(kind, ("json", False))
    if form == "json" or not (holds or value in (NOTHING, None)):
        return None
    if form == "text" and schema.get("format") in ("date", "date-time"):
        form = "date" if schema["format"] == "date" else "time"
        holds = holds and _formats().conforms(value, schema["format"])
        if form == "date" and not (holds or value in (NOTHING, None)):
            form, holds = "text", True  # a control for dates would not show it
    shown = (value if isinstance(value, str) else _dumped(value)) if holds else None
    return _field(form, name, required=required, value=shown)  # type: ignore[arg-type]


def _choice(schema: Mapping[str, Any], value: Any, name: str, required: bool) -> FieldView | None:
    """One of the values that a schema lists."""
    if "const" in schema:
        values = [(schema["const"], schema.get("title") if "oneOf" in schema else None)]
    elif "enum" in schema:
        values = [(one, None) for one in schema["enum"] if one is not None]
    else:
        values = [(one["const"], one.get("title")) for one in schema.get("oneOf") or schema["anyOf"]]
    options = [option_of(one, label) for one, label in values]
    if value is NOTHING and len(options) == 1 and required:
        value = values[0][0]
    text = None if value in (NOTHING, None) else _dumped(value)
    if text is not None and text not in [option["value"] for option in options]:
        return None
    return _field("choice", name, required=required, options=options, value=text)


def _empty(field: FieldView, value: Any, required: bool, nullable: bool) -> FieldEmpty:
    """What an empty field stands for."""
    if field["kind"] == "text" and isinstance(value, str):
        return "text"
    if value is None or (nullable and required):
        return "null"
    return "needed" if required else "absent"


def _blank(field: FieldView) -> FieldView:
    """A field of the same kinds without values: what a new item starts from."""
    fields = [_blank(part) for part in field["fields"]] if field["kind"] == "object" else []
    there = field["value"] if field["kind"] in ("object", "list") else None
    return {**field, "value": there, "fields": fields}


def _hint(schema: Mapping[str, Any], name: str) -> str:
    """What a schema says about a field besides its name."""
    if isinstance(said := schema.get("description"), str):
        return clean(said)[:400]
    title = schema.get("title")
    made_of_name = isinstance(title, str) and title.replace(" ", "_").lower() == name.lower()
    return clean(title)[:200] if isinstance(title, str) and name and not made_of_name else ""


def _are_constants(variants: Any) -> bool:
    return bool(variants) and all(isinstance(one, Mapping) and "const" in one for one in variants)


def _type_of(value: Any) -> str:
    """The kind of field that an untyped value asks for; a number stays free to get a fraction."""
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "?")


def _pointed(root: Any, ref: str) -> Mapping[str, Any] | None:
    """What ``#/$defs/Name`` points to."""
    if not ref.startswith("#"):
        return None
    found = root
    for part in ref[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or key not in found:
            return None
        found = found[key]
    return found if isinstance(found, Mapping) else None


def _refs(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for part in schema.values():
            yield from _refs(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _refs(part)


def _validator(schema: Any) -> Validator:
    """Without a registry of its own jsonschema would fetch what a schema refers to."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for
    from referencing import Registry

    kind = validator_for(schema, default=Draft202012Validator)
    return kind(schema, registry=Registry(), format_checker=_formats())


def _said(error: ValidationError) -> Iterator[FieldError]:
    """The errors of one, at the parts that they are about."""
    path = [*error.absolute_path]
    if error.context:
        for inner in _nearest(error):
            yield from _said(inner)
    elif error.validator == "required":
        held = error.instance if isinstance(error.instance, dict) else {}
        for missing in cast("list[str]", error.validator_value):
            if missing not in held and error.message.startswith(repr(missing)):
                yield {"path": [*path, missing], "message": "A value is needed."}
    else:
        yield {"path": path, "message": _words(error)}


def _nearest(error: ValidationError) -> list[ValidationError]:
    """Of several forms, none of which fits, the errors of the one that was meant: its constants fit."""
    branches: dict[Any, list[ValidationError]] = defaultdict(list)
    for inner in error.context or ():
        branches[inner.relative_schema_path[0]].append(inner)

    def strange(errors: list[ValidationError]) -> tuple[bool, int]:
        apart = (e.validator in ("const", "enum", "type") and len(e.relative_path) < 2 for e in errors)
        return any(apart), len(errors)

    return min(branches.values(), key=strange)


def _words(error: ValidationError) -> str:
    if error.validator == "type":
        kinds = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        return f"This must be {' or '.join(_TYPES.get(str(kind), str(kind)) for kind in kinds)}."
    if error.validator == "format":
        form = {"date": "a date: 2026-01-31", "date-time": "a moment: 2026-01-31T12:00:00Z"}
        return f"This must be {form.get(str(error.validator_value), f'a valid {error.validator_value}')}."
    said = error.message.removeprefix(repr(error.instance)).strip()
    said = said if said == error.message else f"This {said}"
    return f"{clean(said)[:300].rstrip('.')}."


def _is_seen(text: str) -> bool:
    """Whether a text is shown as it is: it is edited as JSON otherwise, in which what hides is an escape."""
    return (text.isascii() and text.isprintable()) or (HIDDEN.search(text) is None and clean(text) == text)


def _dumped(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=2 if isinstance(value, (dict, list)) else None)
    return _ESCAPED.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _iso(kind: type[dt.date], text: str) -> bool:
    kind.fromisoformat(text)
    return True
