"""Constraint sets made and proved by the real uv and pip, from small wheels that an index on 127.0.0.1 serves."""

from __future__ import annotations

import functools
import glob
import hashlib
import http.server
import io
import json
import os
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest
from packaging.version import Version

from compatshim.constraints import ConstraintFile, Line
from compatshim.kb import environments
from compatshim.kb.environments import BuildError, Spec, Unresolvable
from compatshim.kb.resolve import resolve
from compatshim.kb.sets import prove as prover
from compatshim.kb.sets.make import Maker
from compatshim.kb.sets.prove import Refuted, prove
from compatshim.kb.sets.stacks import Job, Stack
from compatshim.metadata.interface import Release
from compatshim.model import Advisory, Catalog, Reproducer
from tests.solve.worlds import Releases, advisory

ensurepip = pytest.importorskip("ensurepip", reason="this Python brings no pip to serve: not run")

# Project, version, day of upload, requirements.
RELEASES = (
    ("a", "1.0", "2020-01-01", ("c",)),
    ("b", "1.0", "2020-01-01", ()),
    ("b", "2.0", "2024-06-01", ()),
    ("b", "3.0", "2025-01-01", ()),
    ("c", "1.0", "2020-01-01", ()),
    ("built", "1.0", "2020-01-01", ("setuptools",)),
    ("setuptools", "70.0", "2020-01-01", ()),
)
MINOR = ".".join(map(str, sys.version_info[:2]))
JOB = Job(Stack("small", "For this test.", ("a==1.0", "b>=1"), "2025-01-01"), MINOR)

STORY = 'import json\nprint(json.dumps({"ranks": [{"n": 9, "s": 9}, None, None], "modes": ["0666", "0777"]}))\n'
B_IS_OLD = """\
import sys
from importlib.metadata import version
bad = version("b") != "1.0"
print("BAD: b is new" if bad else "healthy")
sys.exit(int(bad))
"""


def wheel(project: str, version: str, requires: Tuple[str, ...]) -> bytes:
    """A wheel without a module."""
    info = f"{project}-{version}.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}"]
    metadata += [f"Requires-Dist: {text}" for text in requires]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(f"{info}/METADATA", "\n".join([*metadata, ""]))
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return made.getvalue()


class Index(http.server.BaseHTTPRequestHandler):
    """The JSON form of the simple API, with the times of the uploads."""

    def __init__(self, files: Dict[str, Tuple[str, bytes]], *args: Any) -> None:
        self.files = files
        super().__init__(*args)

    def do_GET(self) -> None:
        kind, _, name = self.path.strip("/").partition("/")
        if kind == "files" and name.endswith(".metadata"):
            with zipfile.ZipFile(io.BytesIO(self.files[name[: -len(".metadata")]][1])) as archive:
                (member,) = (one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
                return self.answer(archive.read(member), "text/plain")
        if kind == "files":
            return self.answer(self.files[name][1], "application/octet-stream")
        found = [
            {
                "filename": file,
                "url": f"/files/{file}",
                "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
                "core-metadata": True,
                "upload-time": f"{day}T00:00:00Z",
            }
            for file, (day, content) in self.files.items()
            if file.partition("-")[0] == name
        ]
        page = {"meta": {"api-version": "1.1"}, "name": name, "files": found}
        return self.answer(json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json")

    def answer(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quietly."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the index is."""
    files = {
        f"{project}-{version}-py3-none-any.whl": (day, wheel(project, version, requires))
        for project, version, day, requires in RELEASES
    }
    bundled = glob.glob(os.path.join(*ensurepip.__path__, "_bundled", "pip-*.whl"))
    if not bundled:
        pytest.skip("this Python brings no pip to serve: not run")
    files[os.path.basename(bundled[0])] = ("2020-01-01", Path(bundled[0]).read_bytes())
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Index, files)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple/"
        server.shutdown()


@pytest.fixture(scope="module")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("uv"))


@pytest.fixture(autouse=True)
def index(monkeypatch: pytest.MonkeyPatch, address: str, uv_cache: str) -> None:
    """Make uv and pip use the index, and it alone."""
    for name in [name for name in os.environ if name.startswith(("UV_", "PIP_"))]:
        monkeypatch.delenv(name)
    settings = {
        "UV_INDEX_URL": address,
        "UV_CACHE_DIR": uv_cache,
        "PIP_INDEX_URL": address,
        "PIP_NO_CACHE_DIR": "1",
    }
    for name, value in {**settings, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def tests(tmp_path: Path) -> str:
    """The folder of programs."""
    for folder, name, text in (("programs", "story", STORY), ("reproducers", "b_is_old", B_IS_OLD)):
        (tmp_path / "tests" / folder).mkdir(parents=True)
        (tmp_path / "tests" / folder / f"{name}.py").write_text(text, encoding="utf-8")
    return str(tmp_path / "tests")


def known(severity: str = "high", *requires: str) -> Catalog:
    """One advisory: a does not go with b 2."""
    made: Advisory = advisory(1, {"a": [("0", "2")], "b": [("2", "4")]}, severity=severity, remedies=[["b<2"]])
    return Catalog((made._replace(reproducer=Reproducer("b_is_old", requires, 60)),), "aaaaaaaaaaaa")


def file(**versions: str) -> ConstraintFile:
    lines = tuple(Line(name, f"=={version}", (), "as resolved") for name, version in versions.items())
    return ConstraintFile("0.1.0", "aaaaaaaaaaaa", JOB.command, lines)


def metadata() -> Releases:
    found: Dict[str, Tuple[Release, ...]] = {}
    for project, version, day, requires in RELEASES:
        release = Release(project, Version(version), requires=requires, uploaded=day)
        found[project] = (*found.get(project, ()), release)
    return Releases(found)


class TestResolve:
    def test_the_newest_of_the_day(self) -> None:
        found = resolve(["a", "b"], sys.executable, MINOR, before="2025-01-01")
        assert {name: str(version) for name, version in found.items()} == {"a": "1.0", "b": "2.0", "c": "1.0"}
        assert str(resolve(["b"], sys.executable, MINOR, before="2025-01-02")["b"]) == "3.0"

    def test_tools_that_something_needs_are_there(self) -> None:
        assert sorted(resolve(["built"], sys.executable, MINOR, before="2025-01-01")) == ["built", "setuptools"]

    def test_no_answer_has_a_reason(self) -> None:
        with pytest.raises(Unresolvable) as error:
            resolve(["a==1.0", "c>1"], sys.executable, MINOR, before="2025-01-01")
        assert str(error.value).startswith("only c")
        assert str(error.value).endswith("is available and you require c>1")

    def test_no_index(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UV_INDEX_URL", "http://127.0.0.1:9/simple/")
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        with pytest.raises(BuildError, match=f"^uv cannot resolve c for Python {MINOR}: ") as error:
            resolve(["c"], sys.executable, MINOR, before="2025-01-01")
        assert not isinstance(error.value, Unresolvable)

    def test_no_uv(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("compatshim.kb.resolve.uv", tuple)
        with pytest.raises(BuildError, match="uv is not installed"):
            resolve(["c"], sys.executable, MINOR, before="2025-01-01")


class TestMaker:
    def test_a_set_is_resolved_changed_proved_and_told(self, tests: str) -> None:
        made, entry = Maker(known(), metadata(), tests).make(JOB, sys.executable)
        assert made is not None
        assert made.command == f"python -m compatshim kb sets small --on {MINOR}"
        assert list(map(str, made.lines)) == [
            "a==1.0  # asked for",
            "b==1.0  # via CSA-2026-0001",
            "c==1.0  # as resolved",
        ]
        assert (entry.changes, entry.outcomes) == ({"b": ["2.0", "1.0"]}, {"CSA-2026-0001": "good"})
        assert (entry.requirements, entry.before, entry.reason) == (["a==1.0", "b>=1"], "2025-01-01", "")

    def test_what_the_resolver_cannot_do_is_told(self, tests: str) -> None:
        job = Job(Stack("small", "x", ("a==2.0",), "2025-01-01"), MINOR)
        made, entry = Maker(known(), metadata(), tests).make(job, sys.executable)
        assert made is None
        assert (entry.requirements, entry.before, entry.outcomes) == (["a==2.0"], "2025-01-01", {})
        assert "a==2.0" in entry.reason

    def test_what_the_solver_cannot_do_refutes(self, tests: str) -> None:
        job = Job(Stack("small", "x", ("a==1.0", "b==2.0"), "2025-01-01"), MINOR)
        with pytest.raises(Refuted, match=r"b is held at 2\.0"):
            Maker(known(), metadata(), tests).make(job, sys.executable)


class TestProve:
    @pytest.fixture(autouse=True)
    def one_installer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(prover, "INSTALLERS", ("uv",))

    def refuted(self, made: ConstraintFile, catalog: Catalog, tests: str) -> str:
        with pytest.raises(Refuted) as error:
            prove(JOB, sys.executable, made, catalog, tests)
        return str(error.value)

    def test_a_project_that_the_file_lacks(self, tests: str) -> None:
        said = self.refuted(file(a="1.0", b="1.0"), known(), tests)
        assert said == "installed by uv: there is c 1.0 beside the file's versions; missing: nothing"

    def test_a_project_that_nothing_needs(self, tests: str) -> None:
        said = self.refuted(file(a="1.0", b="1.0", built="1.0", c="1.0"), known(), tests)
        assert said == "installed by uv: there is nothing beside the file's versions; missing: built 1.0"

    @pytest.mark.parametrize("installer", ["uv", "pip"])
    def test_a_version_that_there_is_not(self, monkeypatch: pytest.MonkeyPatch, tests: str, installer: str) -> None:
        monkeypatch.setattr(prover, "INSTALLERS", (installer,))
        said = self.refuted(file(a="1.1", b="1.0", c="1.0"), known(), tests)
        assert said.startswith(f"installed by {installer}: ")
        assert "a==1.1" in said

    def test_a_known_fault(self, tests: str) -> None:
        said = self.refuted(file(a="1.0", b="2.0", c="1.0"), known(), tests)
        assert said == "installed by uv: `compatshim check` finds CSA-2026-0001"

    @pytest.mark.parametrize(
        ("story", "message"),
        [
            ("raise SystemExit('no')", "the story ended with status 1: no"),
            (STORY.replace("9, ", "8, "), "the story ended with {'ranks': [{'n': 8, 's': 9}, None, None]"),
            (
                STORY.replace("0666", "0644"),
                "the story ended with {'ranks': [{'n': 9, 's': 9}, None, None], 'modes': ['0644'",
            ),
        ],
    )
    def test_a_story_that_ends_badly(self, tests: str, story: str, message: str) -> None:
        Path(tests, "programs", "story.py").write_text(story, encoding="utf-8")
        assert f"installed by uv: {message}" in self.refuted(file(a="1.0", b="1.0", c="1.0"), known(), tests)

    def test_a_fault_that_the_catalog_does_not_know(self, tests: str) -> None:
        Path(tests, "reproducers", "b_is_old.py").write_text(B_IS_OLD.replace("!=", "=="), encoding="utf-8")
        said = self.refuted(file(a="1.0", b="1.0", c="1.0"), known(), tests)
        assert said == "installed by uv: CSA-2026-0001 is bad, not good or inapplicable: BAD: b is new"

    def test_a_fault_that_is_not_there(self, tests: str) -> None:
        Path(tests, "reproducers", "b_is_old.py").write_text("print('healthy')", encoding="utf-8")
        said = self.refuted(file(a="1.0", b="2.0", c="1.0"), known("low"), tests)
        assert said == "installed by uv: CSA-2026-0001 is good, not bad: healthy"

    def test_a_warning_holds_all_the_same(self, tests: str) -> None:
        told = prove(JOB, sys.executable, file(a="1.0", b="2.0", c="1.0"), known("low"), tests)
        assert told == {"CSA-2026-0001": "bad"}

    def test_a_reproducer_that_needs_something_else(self, tests: str) -> None:
        told = prove(JOB, sys.executable, file(a="1.0", b="1.0", c="1.0"), known("high", "c>=2"), tests)
        assert told == {"CSA-2026-0001": "not run: it needs c>=2"}


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_declared_requirements_that_are_not_met(tmp_path: Path, installer: str) -> None:
    made = environments.build(Spec(sys.executable, ("pip",)), cache=str(tmp_path))
    environments.install(made, ["--no-deps", "a"], installer=installer)
    assert "c" in environments.unmet(made, installer=installer)
    environments.install(made, ["c"], installer=installer)
    assert environments.unmet(made, installer=installer) == ""
