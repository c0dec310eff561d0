"""The wheel carries the widget bundle and works without Node; without a fresh bundle none is built."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import lgviz
from hatch_build import check_bundle

REPO = Path(__file__).resolve().parents[1]
BUNDLE = {f"lgviz/static/{name}" for name in ("licenses.txt", "loader.js", "page.js", "widget.js")}


def build(kind: str, source: Path, folder: Path) -> Path:
    """Build the ``"wheel"`` or ``"sdist"`` of a source tree into an empty folder; the file."""
    command = [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", folder, source]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", REPO, tmp_path_factory.mktemp("wheel"))


def test_wheel_carries_package_and_bundle(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.relative_to(REPO).as_posix() for path in (REPO / "lgviz").rglob("*.py")}
    assert names >= BUNDLE | modules | {"lgviz/py.typed"}
    assert [name for name in names if name.endswith("/etc/jupyter/jupyter_server_config.d/lgviz.json")]
    scripts = next(name for name in names if name.endswith(".dist-info/entry_points.txt"))
    assert "lgviz = lgviz.cli:main" in zipfile.ZipFile(wheel).read(scripts).decode()
    assert wheel.name.startswith(f"lgviz-{lgviz.__version__}-py3-none-any")
    assert not [name for name in names if name.endswith((".map", ".ts", ".db")) or "node_modules" in name]


def test_wheel_names_the_licences_of_what_is_bundled(wheel: Path) -> None:
    text = zipfile.ZipFile(wheel).read("lgviz/static/licenses.txt").decode()
    for package in json.loads((REPO / "js/package.json").read_text())["dependencies"]:
        (version,) = re.findall(rf"^{re.escape(package)} ([\d.]+)$", text, re.MULTILINE)
        assert (
            version == json.loads((REPO / f"js/node_modules/{package}/package.json").read_text())["version"]
        )
    assert text.count("Permission is hereby granted") >= 5


def test_wheel_works_without_node(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(tmp_path / "env")}))
    zipfile.ZipFile(wheel).extractall(site)
    # The dependencies come from here, without the .pth files in which an editable lgviz would stand.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    script = """
import pathlib, shutil
import lgviz
from langgraph.checkpoint.memory import InMemorySaver
from lgviz.demos import two_nodes

assert shutil.which("node") is None
graph = two_nodes.build(InMemorySaver())
two_nodes.seed(graph, thread_id="1")
debugger = lgviz.debug(graph, thread_id="1")
assert str(debugger._esm).startswith("/* lgviz "), str(debugger._esm)[:40]
assert str(debugger._esm).startswith(f"/* lgviz {debugger.stamp} */"), str(debugger._esm)[:40]
print(pathlib.Path(lgviz.__file__).parent)
"""
    environment = {"PATH": str(tmp_path / "env" / "bin"), "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    python = tmp_path / "env" / "bin" / "python"
    ran = subprocess.run(
        [python, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert Path(ran.stdout.split()[-1]) == site / "lgviz"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of what the bundle is made of, and of the bundle."""
    shutil.copytree(REPO / "js" / "src", tmp_path / "js" / "src")
    for name in ("build.mjs", "package-lock.json", "style.mjs"):
        shutil.copy(REPO / "js" / name, tmp_path / "js")
    shutil.copytree(REPO / "lgviz" / "static", tmp_path / "lgviz" / "static")
    return tmp_path


def test_fresh_bundle_is_taken(sources: Path) -> None:
    check_bundle(sources)


def test_stale_bundle_is_refused(sources: Path) -> None:
    with (sources / "js" / "src" / "widget.ts").open("a") as file:
        file.write("\n// later\n")
    with pytest.raises(RuntimeError, match="not built from the sources"):
        check_bundle(sources)


@pytest.mark.parametrize("name", ["loader.js", "page.js", "widget.js"])
def test_missing_bundle_is_refused(sources: Path, name: str) -> None:
    (sources / "lgviz" / "static" / name).unlink()
    with pytest.raises(RuntimeError, match=f"{name} is missing"):
        check_bundle(sources)


def test_wheel_from_the_sdist_is_the_same(wheel: Path, tmp_path: Path) -> None:
    archive = build("sdist", REPO, tmp_path / "sdist")
    shutil.unpack_archive(archive, tmp_path, filter="data")
    again = build("wheel", tmp_path / archive.name.removesuffix(".tar.gz"), tmp_path / "wheel")
    first, second = (
        {name: file.read(name) for name in file.namelist()} for file in map(zipfile.ZipFile, (wheel, again))
    )
    assert first == second
