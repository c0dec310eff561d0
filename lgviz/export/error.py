"""A user's mistake, said where a view would have been."""

from __future__ import annotations

from html import escape

__all__ = ["error_html"]


def error_html(cause: str, remedy: str = "") -> str:
    """Script-free HTML that says what is wrong and what to do; both are escaped."""
    style = (
        "font:13px/1.5 system-ui,sans-serif;border:1px solid #d9a19b;border-left-width:3px;border-radius:8px;"
        "padding:8px 12px;max-width:720px"
    )
    more = f'<div style="opacity:.75">{escape(remedy)}</div>' if remedy else ""
    return (
        f'<div role="alert" data-testid="lgviz-error" style="{style}">'
        f"<div><strong>{escape(cause)}</strong></div>{more}</div>"
    )
