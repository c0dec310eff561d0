"""The wheel carries the widget bundle and works without Node; without a fresh bundle none is built."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sysconfig
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import lgviz
from hatch_build import check_bundle
from tests.support.environments import build, uv

REPO = Path(__file__).resolve().parents[1]
LAB = "share/jupyter/labextensions/lgviz"
BUNDLE = {f"lgviz/static/{name}" for name in ("licenses.txt", "loader.js", "page.js", "widget.js")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", REPO, tmp_path_factory.mktemp("wheel"))


def test_wheel_carries_package_and_bundle(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.relative_to(REPO).as_posix() for path in (REPO / "lgviz").rglob("*.py")}
    assert names >= BUNDLE | modules | {"lgviz/py.typed"}
    assert [name for name in names if name.endswith("/etc/jupyter/jupyter_server_config.d/lgviz.json")]
    parts = {name.partition(f".data/data/{LAB}/")[2] for name in names}
    assert parts >= {"install.json", "package.json", "schemas/lgviz/documents.json"}
    assert [part for part in parts if re.fullmatch(r"static/remoteEntry\.\w+\.js", part)]
    assert not [name for name in names if name.startswith("lgviz/labextension")]  # once is enough
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
    for name in ("build.mjs", "lab.mjs", "package-lock.json", "style.mjs"):
        shutil.copy(REPO / "js" / name, tmp_path / "js")
    for name in ("labextension", "static"):
        shutil.copytree(REPO / "lgviz" / name, tmp_path / "lgviz" / name)
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


def test_missing_or_stale_extension_of_jupyterlab_is_refused(sources: Path) -> None:
    about = sources / "lgviz" / "labextension" / "package.json"
    about.write_text(about.read_text().replace('"stamp": "', '"stamp": "0'))
    with pytest.raises(RuntimeError, match="lgviz/labextension was not built from the sources"):
        check_bundle(sources)
    about.unlink()
    with pytest.raises(RuntimeError, match="lgviz/labextension is missing"):
        check_bundle(sources)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", REPO, tmp_path_factory.mktemp("sdist"))


def test_wheel_from_the_sdist_is_the_same(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(sdist, tmp_path, filter="data")
    again = build("wheel", tmp_path / sdist.name.removesuffix(".tar.gz"), tmp_path / "wheel")
    first, second = (
        {name: file.read(name) for name in file.namelist()} for file in map(zipfile.ZipFile, (wheel, again))
    )
    assert first == second


class Place:
    """An environment of its own, whose packages but lgviz are the ones of here."""

    def __init__(self, folder: Path, *install: str | Path) -> None:
        venv.create(folder, with_pip=False, symlinks=True)
        site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
        self.folder, self.python = folder, folder / "bin" / "python"
        uv("pip", "install", "--python", self.python, "--no-deps", "--no-build-isolation", *install)
        places = {"CONFIG_DIR": "config", "DATA_DIR": "data", "RUNTIME_DIR": "runtime"}
        self.environment = {f"JUPYTER_{name}": str(folder / place) for name, place in places.items()}
        self.environment |= {"PATH": "/usr/bin:/bin", "HOME": str(folder), "NO_COLOR": "1"}

    def says(self, *command: str | Path) -> str:
        """What a program of Jupyter's prints there, without the colours."""
        ran = subprocess.run(
            [self.python, "-m", *command],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return re.sub(r"\x1b\[\d+m", "", ran.stdout + ran.stderr)

    def extensions(self) -> list[list[str]]:
        """The lines about lgviz in the lists of the front end's and of the server's extensions."""
        lists = ("jupyterlab.labextensions", "list"), ("jupyter_server", "extension", "list")
        with ThreadPoolExecutor(2) as pool:
            said = pool.map(lambda command: self.says(*command), lists)
        return [[line.strip() for line in re.findall(r"^ *lgviz .*$", text, re.MULTILINE)] for text in said]


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_jupyter_lists_both_extensions(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    version = lgviz.__version__
    assert Place(tmp_path / "env", request.getfixturevalue(kind)).extensions() == [
        [f"lgviz v{version} enabled OK (python, lgviz)"], ["lgviz enabled", f"lgviz {version} OK"]
    ]  # fmt: skip


def test_an_editable_install_shows_what_was_built_last(tmp_path: Path) -> None:
    """Jupyter finds a link: hatch would copy, once, and leave out in silence what is not there yet."""
    copy = tmp_path / "lgviz"
    shutil.copytree(
        REPO / "lgviz", copy / "lgviz", ignore=shutil.ignore_patterns("labextension", "__pycache__")
    )
    shutil.copytree(REPO / "js", copy / "js", ignore=shutil.ignore_patterns("node_modules", "build", "tests"))
    (copy / "js" / "node_modules").symlink_to(REPO / "js" / "node_modules")
    for name in (".ci", "jupyter-config"):
        shutil.copytree(REPO / name, copy / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPO / name, copy)
    place = Place(tmp_path / "env", "--editable", copy)
    link = tmp_path / "env" / LAB
    for version in ("7.7.7", "7.7.8"):
        (copy / "lgviz" / "_version.py").write_text(f'"""Of today."""\n\n__version__ = "{version}"\n')
        npm = subprocess.run(["npm", "--prefix", copy / "js", "run", "build"], capture_output=True, text=True)
        assert npm.returncode == 0, npm.stdout + npm.stderr
        if not link.exists():  # as `make setup` does
            place.says("jupyter_builder.main", "develop", "--overwrite", copy)
        assert place.extensions() == [
            [f"lgviz v{version} enabled OK (python, lgviz)"], ["lgviz enabled", f"lgviz {version} OK"]
        ]  # fmt: skip
