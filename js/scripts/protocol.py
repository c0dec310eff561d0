"""Writes ``js/src/protocol.ts`` from ``lgviz/protocol.py`` (``make protocol``).

The module is read as a syntax tree, never imported, so that its docstrings come along as comments and
nothing has to be installed. A construct without a TypeScript counterpart here is an error, not a guess.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
SOURCE = REPO / "lgviz" / "protocol.py"
TARGET = REPO / "js" / "src" / "protocol.ts"

HEADER = "// Generated from lgviz/protocol.py by `make protocol`. Do not edit.\n"
NAMES = {
    "str": "string",
    "int": "number",
    "float": "number",
    "bool": "boolean",
    "Any": "unknown",
    "bytes": "DataView",
}


class Unsupported(Exception):
    """The protocol says something that this generator cannot write as TypeScript."""

    def __init__(self, node: ast.AST) -> None:
        super().__init__(
            f"{SOURCE.name}:{getattr(node, 'lineno', '?')}: no TypeScript for: {ast.unparse(node)}"
        )


def generate(source: str) -> str:
    """The TypeScript module that says the same as the Python ``source``.

    Raises:
        Unsupported: a statement or type that has no counterpart here.
    """
    module = ast.parse(source)
    blocks = [block for node, doc in _with_docs(module.body) if (block := _statement(node, doc))]
    return HEADER + "\n" + "\n\n".join(blocks) + "\n"


def _with_docs(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, str | None]]:
    """Each statement with the string literal that follows it."""
    for node, after in zip(body, [*body[1:], None], strict=True):
        if not _is_string(node):
            yield node, _text(after) if after is not None and _is_string(after) else None


def _is_string(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _text(node: ast.stmt) -> str:
    assert isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return str(node.value.value)


def _statement(node: ast.stmt, doc: str | None) -> str:
    match node:
        case ast.Import() | ast.ImportFrom():
            return ""
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return ""
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int() | str() as value)):
            return f"{_comment(doc)}export const {name} = {_literal(value)};"
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript() | ast.BinOp() as value):
            return f"{_comment(doc)}export type {name} = {_type(value)};"
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict() as value):
            return _table(name, value, doc)
        case ast.ClassDef(bases=[ast.Name(id="TypedDict")]):
            return _interface(node)
        case ast.ClassDef(bases=[ast.Name(id="IntFlag" | "IntEnum")]):
            return _constants(node)
    raise Unsupported(node)


def _interface(node: ast.ClassDef) -> str:
    fields = []
    for item, doc in _with_docs(node.body):
        match item:
            case ast.Pass():
                continue
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=None):
                fields.append(
                    _comment(doc, "  ") + "  " + _field(name, annotation, pair=node.name == "Methods")
                )
            case _:
                raise Unsupported(item)
    doc = _comment(ast.get_docstring(node))
    if not fields:
        return f"{doc}export type {node.name} = Record<string, never>;"
    return f"{doc}export interface {node.name} {{\n" + "\n".join(fields) + "\n}"


def _field(name: str, annotation: ast.expr, pair: bool) -> str:
    match annotation:
        case ast.Subscript(value=ast.Name(id="NotRequired"), slice=inner):
            return f"{name}?: {_type(inner)};"
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=[params, result])) if pair:
            return f"{name}: {{ params: {_type(params)}; result: {_type(result)} }};"
    return f"{name}: {_type(annotation)};"


def _constants(node: ast.ClassDef) -> str:
    members = []
    for item, doc in _with_docs(node.body):
        match item:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int() as value)):
                members.append(f"{_comment(doc, '  ')}  {name}: {value},")
            case _:
                raise Unsupported(item)
    return (
        f"{_comment(ast.get_docstring(node))}export const {node.name} = {{\n"
        + "\n".join(members)
        + "\n} as const;"
    )


def _table(name: str, node: ast.Dict, doc: str | None) -> str:
    """A dict of names to a value and what it means."""
    members = []
    for key, entry in zip(node.keys, node.values, strict=True):
        match key, entry:
            case ast.Constant(value=str() as field), ast.Tuple(
                elts=[ast.Constant(value=int() | str() as value), ast.Constant(value=str() as meaning)]
            ):
                members.append(f"{_comment(meaning, '  ')}  {field}: {_literal(value)},")
            case _:
                raise Unsupported(entry)
    return f"{_comment(doc)}export const {name} = {{\n" + "\n".join(members) + "\n} as const;"


def _type(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=None):
            return "null"
        case ast.Constant(value=str() as forward):
            return _type(ast.parse(forward, mode="eval").body)
        case ast.Name(id=name):
            return NAMES.get(name, name)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return f"{_type(left)} | {_type(right)}"
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            values = choices.elts if isinstance(choices, ast.Tuple) else [choices]
            return " | ".join(_literal(ast.literal_eval(value)) for value in values)
        case ast.Subscript(value=ast.Name(id="list" | "Sequence"), slice=item):
            inner = _type(item)
            return f"({inner})[]" if " | " in inner and not inner.startswith("[") else f"{inner}[]"
        case ast.Subscript(value=ast.Name(id="dict" | "Mapping"), slice=ast.Tuple(elts=[key, value])):
            return f"Record<{_type(key)}, {_type(value)}>"
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=items)):
            return f"[{', '.join(map(_type, items))}]"
    raise Unsupported(node)


def _literal(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case int():
            return str(value)
    raise TypeError(f"no TypeScript literal for {value!r}")


def _comment(doc: str | None, indent: str = "") -> str:
    if not doc:
        return ""
    plain = re.sub(r":\w+:`", "`", doc).replace("``", "`").replace("*/", "*\\/")
    lines = plain.strip().splitlines()
    if len(lines) == 1:
        return f"{indent}/** {lines[0].strip()} */\n"
    body = "".join(f"{indent} * {line.strip()}".rstrip() + "\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"


if __name__ == "__main__":
    TARGET.write_text(generate(SOURCE.read_text(encoding="utf-8")), encoding="utf-8")
    print(TARGET.relative_to(REPO))
