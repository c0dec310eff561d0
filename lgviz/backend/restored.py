"""What was typed over masked values, with the real ones in their places again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lgviz.analysis.checkpoint import Checkpoint, state_of
from lgviz.analysis.edits import json_of
from lgviz.analysis.values import value_at
from lgviz.backend import forms
from lgviz.backend.checkpoint_views import real_state_of
from lgviz.errors import InvalidValue, NotFound
from lgviz.session import configurable_of
from lgviz.sources.redact import MASK_TYPED, holds_mask

__all__ = ["refuse_mask", "restored", "restored_channel", "restored_config", "restored_part"]


def restored(typed: Any, shown: Any, real: Any, where: str) -> Any:
    """Plain data as it was typed; where it is as it was shown, it is as it really is.

    >>> restored({"a": 2, "b": "‹redacted›"}, {"a": 1, "b": "‹redacted›"}, {"a": 1, "b": "secret"}, "x")
    {'a': 2, 'b': 'secret'}

    Args:
        typed: what a person made of ``shown``.
        shown: what was shown.
        real: what ``shown`` stands for, of the same shape where nothing is masked.
        where: what it belongs to, in words.

    Raises:
        InvalidValue: a mask stands where none was shown: what it stands for is not known.
    """
    if type(typed) is type(shown) and typed == shown:
        return real
    if isinstance(typed, dict) and isinstance(shown, dict) and isinstance(real, dict):
        return {
            key: restored(part, shown[key], real[key], f"{where}.{key}")
            if key in shown and key in real
            else refuse_mask({key: part}, where)[key]
            for key, part in typed.items()
        }
    if isinstance(typed, list) and isinstance(shown, list) and isinstance(real, list):
        known = min(len(shown), len(real))
        kept = [restored(part, shown[i], real[i], f"{where}[{i}]") for i, part in enumerate(typed[:known])]
        return [*kept, *(refuse_mask(part, where) for part in typed[known:])]
    return refuse_mask(typed, where)


def refuse_mask(value: Any, where: str) -> Any:
    """The value itself, unless there is a mask in it.

    Raises:
        InvalidValue: there is.
    """
    if holds_mask(value):
        raise InvalidValue(
            f"{where}: {MASK_TYPED}, and is no value.",
            "Leave it as and where it is, or type a value of its own in its place.",
        )
    return value


def restored_part(at: Checkpoint, channel: str, path: Sequence[int], keys: Sequence[Any], typed: Any) -> Any:
    """What was typed of a part of a state, as JSON.

    Raises:
        InvalidValue: see :func:`restored`.
    """
    redactor = at.history.source.redactor
    if redactor is None:
        return typed
    where = channel + "".join(f"[{key!r}]" for key in keys)
    try:
        shown = json_of(value_at(state_of(at).get(channel), path))[0]
    except NotFound:  # it is inside of what is masked whole
        return refuse_mask(typed, where)
    real = json_of(value_at(real_state_of(at).get(channel), path))[0]
    if shown == real:
        return refuse_mask(typed, where)
    if redactor.part(channel, keys, real) != shown:  # as of a set: which mask is which is not known
        return refuse_mask(typed, where)
    return restored(typed, shown, real, where)


def restored_channel(at: Checkpoint, channel: str, typed: Any) -> Any:
    """What was typed of a channel's whole value, as :func:`lgviz.backend.forms.field_of` shows it.

    Raises:
        InvalidValue: see :func:`restored`.
    """
    redactor = at.history.source.redactor
    if redactor is None:
        return typed
    shown, real = (forms.json_of(state.get(channel))[0] for state in (state_of(at), real_state_of(at)))
    if not shown or not real or shown == real:
        return refuse_mask(typed, channel)
    data = json.loads(real)
    if redactor.channel(channel, data) != json.loads(shown):
        return refuse_mask(typed, channel)
    return restored(typed, json.loads(shown), data, channel)


def restored_config(at: Checkpoint | None, config: Mapping[str, Any]) -> dict[str, Any]:
    """A run's config of which the configurable was typed over that of a checkpoint.

    Raises:
        InvalidValue: see :func:`restored`.
    """
    redactor = at.history.source.redactor if at is not None else None
    if at is None or redactor is None or "configurable" not in config:
        return dict(config)
    real = configurable_of(at.history.reader.real_metadata(at.row))
    shown = configurable_of(at.metadata)
    return {**config, "configurable": restored(config["configurable"], shown, real, "configurable")}
