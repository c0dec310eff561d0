"""The data of an exported page."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any


def data_of(html: str) -> Any:
    """The data of a page, put together as its front end does."""
    packed = re.search(r'id="lgviz-data">([^<]*)</script>', html)
    assert packed is not None
    head, *table = gzip.decompress(base64.b64decode(packed[1])).decode().split("\n")

    def made(stored: Any) -> Any:
        if isinstance(stored, list):
            return [made(part) for part in stored]
        if not isinstance(stored, dict):
            return stored
        if "$" in stored:
            return made(json.loads(table[stored["$"]]))
        if "+" in stored:
            return [item for chunk in made(stored["+"]) for item in chunk]
        return {key: made(part) for key, part in stored.items()}

    return made(json.loads(head))
