"""Builds no wheel or sdist without a fresh front end; puts JupyterLab's extension into the wheel."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

REMEDY = "run `npm ci && npm run build` in js/ (or `make setup`) first"


def stamp(js: Path) -> str:
    """What the bundle must have been built from: the same hash as in ``js/build.mjs``."""
    files = [path.relative_to(js).as_posix() for path in (js / "src").rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for name in sorted([*files, "build.mjs", "lab.mjs", "package-lock.json", "style.mjs"]):
        digest.update(f"{name}\0".encode() + (js / name).read_bytes())
    return digest.hexdigest()[:16]


def check_bundle(root: Path) -> None:
    """Raise unless ``lgviz/static`` and ``lgviz/labextension`` were built from the sources in ``js/``."""
    now = stamp(root / "js")
    wanted = f"/* lgviz {now} */"
    for name in ("loader.js", "page.js", "widget.js"):
        path = root / "lgviz" / "static" / name
        if not path.is_file():
            raise RuntimeError(f"lgviz/static/{name} is missing: {REMEDY}")
        if wanted not in path.read_text(encoding="utf-8")[:200]:
            raise RuntimeError(f"lgviz/static/{name} was not built from the sources in js/: {REMEDY}")
    about = root / "lgviz" / "labextension" / "package.json"
    if not about.is_file():
        raise RuntimeError(f"lgviz/labextension is missing: {REMEDY}")
    if json.loads(about.read_text(encoding="utf-8"))["stamp"] != now:
        raise RuntimeError(f"lgviz/labextension was not built from the sources in js/: {REMEDY}")


class BundleHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        # An editable install needs no bundle: it comes later and changes while developing. Nor is the
        # extension of JupyterLab copied, which would go stale in silence: `make setup` links it.
        if version == "editable":
            return
        check_bundle(Path(self.root))
        if self.target_name == "wheel":
            build_data["shared_data"]["lgviz/labextension"] = "share/jupyter/labextensions/lgviz"
