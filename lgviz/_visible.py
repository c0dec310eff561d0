"""Characters that cannot be seen, or that turn what stands beside them, made visible, by one rule.

``js/src/lib/visible.ts`` says the same to the front end; ``tests/support/hidden_characters.json`` holds both.
"""

from __future__ import annotations

import re

__all__ = ["HIDDEN", "visible"]

_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029"
"""But for tab and line feed; a carriage return where no line feed follows."""
_BIDI = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = (
    r"\xad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e001f\U000e0080-\U000e00ff"
)
_SCRIPT = r"\u0300-\u1fff\u2190-\u2bff\u2c80-\ufaff\ufb00-\ufeef\U00010000-\U000dffff"
"""Beside these a joiner shapes letters or emoji, as it should; anywhere else it hides."""
HIDDEN = re.compile(
    rf"[{_CONTROL}{_BIDI}{_INVISIBLE}]|\r(?!\n)|(?<![{_SCRIPT}])[\u200c\u200d]|[\u200c\u200d](?![{_SCRIPT}])"
    # A tag belongs to a flag (U+1F3F4); by itself it is a text that nobody sees.
    r"|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007f]+"
)
"""What :func:`visible` replaces."""


def visible(text: str) -> str:
    r"""The text with every character that hides, or turns what follows, written out, as ``\u202e``.

    >>> print(visible("a\x00b\u202ec"))
    a\x00b\u202ec

    Tabs, line breaks, Hebrew and Arabic letters and the joiners between letters of a script stay as they are.
    """
    return text if text.isascii() and text.isprintable() else HIDDEN.sub(_written, text)


def _written(found: re.Match[str]) -> str:
    return "".join(map(_name, found[0]))


def _name(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
