"""A user's mistake, said where a view would have been."""

from __future__ import annotations

from markupsafe import Markup

__all__ = ["error_html"]

_STYLE = (
    "font:13px/1.5 system-ui,sans-serif;border:1px solid #d9a19b;border-left-width:3px;border-radius:8px;"
    "padding:8px 12px;max-width:720px"
)
_ERROR = Markup(
    '<div role="alert" data-testid="lgviz-error" style="{}"><div><strong>{}</strong></div>{}</div>'
)
_REMEDY = Markup('<div style="opacity:.75">{}</div>')


def error_html(cause: str, remedy: str = "") -> Markup:
    """Script-free HTML that says what is wrong and what to do."""
    return _ERROR.format(_STYLE, cause, _REMEDY.format(remedy) if remedy else "")
