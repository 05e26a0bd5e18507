from __future__ import annotations

import os
import subprocess
import sys
import threading
import venv
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import pytest
from packaging.version import Version

from compatshim import catalog
from compatshim.installer import uv
from compatshim.kb import environments, verify
from compatshim.kb.environments import BuildError, Completed, Environment, Spec, Unresolvable
from compatshim.metadata.interface import Release
from compatshim.model import Advisory, Verified

pytest.importorskip("tomlkit")

HEAD = """\
schema_version = "1.0"   # a comment, which stays
id = "CSA-2026-0001"
title = "A and b do not go together"
symptom = "hang"
severity = "high"
root_cause = '''Because.'''

[[terms]]
project = "a"
imports = ["a"]
ranges = [{ introduced = "2.0", fixed = "3.0" }, {introduced="5.0",  last_checked="6.0"}]

[[terms]]
project = "b"
ranges = [{ introduced = "0", fixed = "1.2" }]

[[remedies]]
kind = "upgrade"
constraints = ["b>=1.2", "c<3"]

[[remedies]]
kind = "shim"
shim = "a_b"

[reproducer]
id = "hangs"
requires = ["pytz==2024.1"]
timeout = 7

[[references]]
type = "WEB"
url = "https://example.org/"
"""

A = ("1.8", "1.9", "2.0", "2.1", "2.9", "3.0", "4.0", "5.0", "6.0", "7.0")
B = ("0.1", "1.0", "1.1", "1.2", "1.3")


class Known:
    """Releases of two projects; some are yanked, some say which Python they want."""

    description = "made up"

    def knows(self, project: str) -> bool:
        return bool(project)

    def releases(self, project: str) -> Optional[Tuple[Release, ...]]:
        if project == "a":
            wants = {"6.0": ">=3.12", "7.0": ">=3.12", "1.8": "not a specifier"}
            known = tuple(
                Release("a", Version(text), wants.get(text, ">=3.8"), uploaded="2024-01-01") for text in A
            )
            return (*known, Release("a", Version("2.8.9"), yanked=True))
        if project == "b":
            return tuple(Release("b", Version(text), uploaded="2019-01-01" if text == "0.1" else "") for text in B)
        return None


PYTHONS = {"3.8": "p8", "3.11": "p11", "3.12": "p12"}
ON = ("3.11", verify.platform())


def advisory(text: str = HEAD) -> Advisory:
    return catalog.parse(text.encode(), "CSA-2026-0001.toml")


def versions(**found: str) -> Tuple[Tuple[str, Version], ...]:
    return tuple(sorted((project, Version(text)) for project, text in found.items()))


def row(outcome: str, on: Tuple[str, str] = ON, date: str = "2026-11-22", **found: str) -> Verified:
    return Verified(outcome, on[0], on[1], date, versions(**found))


class TestCases:
    @pytest.fixture(autouse=True)
    def anchors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(verify, "ANCHORS", {"a": "2.0.7", "b": "0.1", "datasets": "2.14"})

    @pytest.fixture
    def found(self) -> Dict[str, verify.Case]:
        return {case.why: case for case in verify.cases(advisory(), Known(), PYTHONS)}

    def test_every_boundary_has_both_sides(self, found: Dict[str, verify.Case]) -> None:
        planned = {
            why: (case.expected, [str(candidate) for candidate in case.candidates]) for why, case in found.items()
        }
        assert planned == {
            "anchor": ("bad", ["a 2.0, b 0.1"]),
            "a >=2.0,<3.0, first inside": ("bad", ["a 2.0, b 0.1", "a 2.1, b 0.1", "a 2.9, b 0.1"]),
            "a >=2.0,<3.0, last before": ("good", ["a 1.9, b 0.1", "a 1.8, b 0.1"]),
            "a >=2.0,<3.0, last inside": ("bad", ["a 2.9, b 0.1", "a 2.1, b 0.1", "a 2.0, b 0.1"]),
            "a >=2.0,<3.0, first after": ("good", ["a 3.0, b 0.1", "a 4.0, b 0.1"]),
            "a >=5.0, first inside": ("bad", ["a 5.0, b 0.1", "a 6.0, b 0.1"]),
            "a >=5.0, last before": ("good", ["a 4.0, b 0.1", "a 3.0, b 0.1", "a 1.9, b 0.1"]),
            "a >=5.0, last inside": ("bad", ["a 6.0, b 0.1", "a 5.0, b 0.1"]),
            "b <1.2, oldest that runs": ("bad", ["a 2.0, b 0.1", "a 2.0, b 1.0", "a 2.0, b 1.1"]),
            "b <1.2, last inside": ("bad", ["a 2.0, b 1.1", "a 2.0, b 1.0", "a 2.0, b 0.1"]),
            "b <1.2, first after": ("good", ["a 2.0, b 1.2", "a 2.0, b 1.3"]),
            "upgrade b>=1.2, c<3, lowest b": ("good", ["a 2.0, b 1.2", "a 2.0, b 1.3"]),
            "upgrade b>=1.2, c<3, newest b": ("good", ["a 2.0, b 1.3", "a 2.0, b 1.2"]),
        }

    def test_specs(self, found: Dict[str, verify.Case]) -> None:
        (python, spec), *_ = found["upgrade b>=1.2, c<3, newest b"].candidates[0].specs
        assert (python, spec) == ("3.11", Spec("p11", ("a==2.0", "b==1.3", "pytz==2024.1"), ("c<3",)))

    def test_pythons(self, found: Dict[str, verify.Case]) -> None:
        def pythons(why: str) -> List[str]:
            return [python for python, _ in found[why].candidates[0].specs]

        assert pythons("b <1.2, last inside") == ["3.11", "3.12", "3.8"]
        assert pythons("b <1.2, oldest that runs") == ["3.8", "3.11", "3.12"]
        assert pythons("a >=5.0, last inside") == ["3.12"]

    def test_the_rest_is_of_its_time(self) -> None:
        text = HEAD.replace('"a"', '"datasets"').replace('"2.0", fixed = "3.0"', '"2.14", fixed = "2.16"')

        class Datasets(Known):
            def knows(self, project: str) -> bool:
                return bool(project)

            def releases(self, project: str) -> Optional[Tuple[Release, ...]]:
                if project == "datasets":
                    return tuple(Release(project, Version(text)) for text in ("2.14", "5.2"))
                return super().releases(project)

        planned = verify.cases(advisory(text), Datasets(), PYTHONS)
        of_old = planned[0].candidates[0].specs[0][1].constraints
        assert {"numpy<2", "pyarrow<20"} <= set(of_old)
        (of_new,) = {
            spec.constraints
            for case in planned
            for candidate in case.candidates
            if "5.2" in str(candidate)
            for _, spec in candidate.specs
        }
        assert of_new == ()

    @pytest.mark.parametrize(
        ("anchors", "expected"),
        [
            ({}, "a 6.0, b 1.1"),
            ({"a": "2.0.7"}, "a 2.0, b 1.1"),
            ({"a": "3.5", "b": "0.0.1"}, "a 2.9, b 0.1"),
            ({"a": "1.0", "b": "9"}, "a 2.0, b 1.1"),
        ],
    )
    def test_anchor(self, monkeypatch: pytest.MonkeyPatch, anchors: Dict[str, str], expected: str) -> None:
        monkeypatch.setattr(verify, "ANCHORS", anchors)
        anchor = verify.cases(advisory(), Known(), PYTHONS)[0]
        assert (anchor.why, str(anchor.candidates[0])) == ("anchor", expected)

    def test_projects_nobody_knows(self) -> None:
        text = HEAD.replace('project = "b"', 'project = "unknown"')
        assert verify.cases(advisory(text), Known(), PYTHONS) == (verify.Case("bad", "anchor", ()),)


class World:
    """Stands for installers and reproducers: what installs, and what each combination does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.does: Dict[Tuple[Tuple[str, ...], bool], Tuple[Optional[int], str, str]] = {}
        self.missing: List[str] = []
        self.ran: List[Tuple[Tuple[str, ...], bool]] = []
        self.folder = folder
        (folder / "hangs.py").write_text("")
        monkeypatch.setattr(Spec, "key", property(lambda spec: ".".join((spec.python, *spec.requirements))))
        monkeypatch.setattr(environments, "build", self.build)
        monkeypatch.setattr(environments, "run", self.run)

    def build(self, spec: Spec, *, cache: Optional[str] = None) -> Environment:
        assert cache
        if set(self.missing) & {spec.python, *spec.requirements}:
            raise Unresolvable("uv pip install … failed:\n  x Because there is no such wheel.\n\n  hint: none")
        environment = Environment(str(self.folder / "-".join(spec.requirements)))
        for requirement in spec.requirements:
            folder = f"lib/python3.11/site-packages/{requirement.replace('==', '-')}.dist-info"
            os.makedirs(os.path.join(environment.prefix, folder), exist_ok=True)
        return environment

    def run(
        self,
        environment: Environment,
        program_path: str,
        *args: str,
        timeout: float,
        shim_from: Optional[str],
    ) -> Completed:
        assert (timeout, os.path.basename(program_path)) == (7, "hangs.py")
        assert (args == ("--shim",)) == (shim_from is not None)
        installed = tuple(f"{name} {version}" for name, version in environment.installed().items())
        self.ran.append((installed[:2], bool(args)))
        code, stdout, stderr = self.does[installed[:2], bool(args)]
        return Completed(code, stdout, stderr, 7.0)

    def ask(self, *cases: verify.Case) -> verify.Result:
        return verify.run(
            cases,
            advisory(),
            reproducers=str(self.folder),
            report=lambda _: None,
            workers=1,
            cache=str(self.folder / "cache"),
        )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    return World(monkeypatch, tmp_path)


def case(expected: str, *of_a: str) -> verify.Case:
    return verify.Case(
        expected,
        "why",
        tuple(
            verify.Candidate(
                versions(a=text, b="1.0"),
                (("3.11", Spec("p11", (f"a=={text}", "b==1.0"))), ("3.8", Spec("p8", (f"a=={text}", "b==1.0")))),
            )
            for text in of_a
        ),
    )


BAD = (1, "some talk\nBAD: it hangs\n", "")
GOOD = (0, "healthy\n", "")


class TestRun:
    def test_rows_are_what_was_observed(self, world: World) -> None:
        world.does = {(("a 2.0", "b 1.0"), False): BAD, (("a 2.0", "b 1.0"), True): GOOD}
        result = world.ask(case("bad", "2.0"))
        assert [(r.outcome, r.python, r.versions) for r in result.rows] == [
            ("bad", "3.11", versions(a="2.0", b="1.0")),
            ("shimmed", "3.11", versions(a="2.0", b="1.0")),
        ]
        assert not result.contradictions
        assert not result.skipped

    def test_nothing_runs_twice(self, world: World) -> None:
        world.does = {(("a 2.0", "b 1.0"), False): BAD, (("a 2.0", "b 1.0"), True): GOOD}
        assert world.ask(case("bad", "2.0")) == world.ask(case("bad", "2.0"))
        assert len(world.ran) == 2

    @pytest.mark.parametrize(("expected", "does"), [("bad", GOOD), ("good", BAD)])
    def test_a_contradiction_is_no_row(
        self, world: World, expected: str, does: Tuple[Optional[int], str, str]
    ) -> None:
        world.does = {(("a 2.0", "b 1.0"), False): does}
        result = world.ask(case(expected, "2.0"))
        assert result.rows == ()
        (found,) = result.contradictions
        assert {found.expected, found.observed} == {"bad", "good"}
        assert dict(found.environment) == {"a": "2.0", "b": "1.0"}
        assert "a 2.0, b 1.0 on Python 3.11" in str(found)
        world.ask(case(expected, "2.0"))
        assert len(world.ran) == 2, "a surprise is not believed from the cache"

    @pytest.mark.parametrize("does", [BAD, (3, "", "Traceback\nKeyError"), (None, "", "")])
    def test_a_shim_that_does_not_mend(self, world: World, does: Tuple[Optional[int], str, str]) -> None:
        world.does = {(("a 2.0", "b 1.0"), False): BAD, (("a 2.0", "b 1.0"), True): does}
        result = world.ask(case("bad", "2.0"))
        assert [r.outcome for r in result.rows] == ["bad"]
        (found,) = result.contradictions
        assert found.expected == "shimmed"
        assert found.observed in ("bad", "broken")

    @pytest.mark.parametrize(
        ("does", "reason"),
        [
            ((1, "", "Traceback\nImportError: no"), "broken: ImportError: no"),
            ((1, "fine so far", "Traceback\nKeyError"), "broken: KeyError"),
            ((3, "broken: what?", ""), "broken: broken: what?"),
            ((None, "BAD", ""), "broken: killed after 7 seconds"),
            ((2, "does not apply", ""), "inapplicable: does not apply (Python 3.11)"),
        ],
    )
    def test_what_cannot_be_judged_is_skipped(
        self, world: World, does: Tuple[Optional[int], str, str], reason: str
    ) -> None:
        world.does = {(("a 2.0", "b 1.0"), False): does}
        result = world.ask(case("bad", "2.0"))
        assert not result.rows
        assert not result.contradictions
        (skipped,) = result.skipped
        assert str(skipped).startswith(f"why: a 2.0, b 1.0: {reason}")

    def test_another_python(self, world: World) -> None:
        world.does = {(("a 2.0", "b 1.0"), False): GOOD}
        world.missing = ["p11"]
        (found,) = world.ask(case("good", "2.0")).rows
        assert found.python == "3.8"

    def test_nothing_installs(self, world: World) -> None:
        world.missing = ["b==1.0"]
        (skipped,) = world.ask(case("good", "2.0")).skipped
        assert skipped.reason == "a 2.0, b 1.0: Because there is no such wheel. (Python 3.11, 3.8)"

    def test_no_candidate(self, world: World) -> None:
        (skipped,) = world.ask(case("good")).skipped
        assert skipped.reason == "no such release is known"

    @pytest.mark.parametrize("first", range(20))
    def test_the_oldest_that_runs_is_found(self, world: World, first: int) -> None:
        texts = [f"1.{number}" for number in range(20)]
        for text in texts:
            world.does[(f"a {text}", "b 1.0"), False] = GOOD
        world.missing = [f"a=={text}" for text in texts[:first]]
        result = world.ask(case("good", *texts))
        assert min(dict(found.versions)["a"] for found in result.rows) == Version(texts[first])


class TestWrite:
    def read(self, path: Path) -> Tuple[Verified, ...]:
        return catalog.load(str(path.parent)).advisories[0].verified

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "CSA-2026-0001.toml"
        path.write_bytes(HEAD.encode())
        return path

    def test_what_was_written_is_read(self, path: Path) -> None:
        rows = (
            row("bad", a="2.0", b="1.1"),
            row("bad", a="2.0", b="1.10"),
            row("good", b="1.1"),
            row("shimmed", a="2.0", b="1.1"),
        )
        verify.write(str(path), [*rows[::-1], rows[1]])
        assert self.read(path) == rows

    def test_the_rest_stays(self, path: Path) -> None:
        verify.write(str(path), [row("bad", a="2.0", b="1.1")])
        text = path.read_bytes().decode()
        assert text == HEAD + (
            "\n[[verified]]\n"
            'outcome = "bad"\n'
            f'on = {{ python = "3.11", platform = "{ON[1]}", date = 2026-11-22 }}\n'
            'with = { a = "2.0", b = "1.1" }\n'
        )
        verify.write(str(path), [row("good", b="1.2")])
        assert path.read_bytes().decode().startswith(text + "\n[[verified]]\n")

    def test_nothing_to_write(self, path: Path) -> None:
        verify.write(str(path), [])
        assert path.read_bytes().decode() == HEAD

    def test_tables_in_the_middle(self, path: Path) -> None:
        verify.write(str(path), [row("bad", a="2.0", b="1.1")])
        tables = path.read_bytes().decode()[len(HEAD) :]
        head, mark, tail = HEAD.partition("[[references]]")
        path.write_bytes(f"{head}{tables.lstrip()}\n{mark}{tail}".encode())
        verify.write(str(path), [row("bad", a="2.0", b="1.1")])
        assert path.read_bytes().decode() == HEAD + tables

    def test_other_runs_stay_and_the_same_run_is_replaced(self, path: Path) -> None:
        elsewhere = row("bad", ("3.11", "win_amd64"), a="2.0", b="1.1")
        older = row("bad", ("3.8", ON[1]), a="2.0", b="1.1")
        verify.write(str(path), [elsewhere, older, row("bad", date="2020-01-01", a="2.0", b="1.1")])
        new = row("bad", a="2.0", b="1.1")
        verify.write(str(path), [new])
        assert set(self.read(path)) == {elsewhere, older, new}

    def test_a_refuted_row_goes(self, path: Path) -> None:
        shimmed = row("shimmed", a="2.0", b="1.1")
        verify.write(str(path), [row("bad", a="2.0", b="1.1"), shimmed])
        found = verify.Contradiction("why", "bad", "good", "3.11", versions(a="2.0", b="1.1"), "healthy", ())
        verify.write(str(path), [], refuted=[found])
        assert self.read(path) == (shimmed,)

    def test_verify_never_writes_a_contradiction(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        world = World(monkeypatch, path.parent)
        monkeypatch.setenv("COMPATSHIM_ENV_CACHE", str(path.parent / "cache"))
        for a in A:
            for b in B:
                world.does[(f"a {a}", f"b {b}"), False] = GOOD
        result = verify.verify(
            advisory(),
            metadata=Known(),
            interpreters=PYTHONS,
            reproducers=str(path.parent),
            advisories=str(path.parent),
            report=lambda _: None,
        )
        assert {found.expected for found in result.contradictions} == {"bad"}
        assert {found.outcome for found in self.read(path)} == {"good"}
        assert self.read(path) == result.rows


class TestEnvironments:
    @pytest.fixture
    def builds(self, monkeypatch: pytest.MonkeyPatch) -> List[str]:
        """Builds go through the standard library's venv, without pip and so without a network."""
        built: List[str] = []

        def install(_: Spec, environment: Environment, __: str) -> None:
            built.append(environment.prefix)
            venv.create(environment.prefix, with_pip=False)

        monkeypatch.setattr(environments, "_install", install)
        return built

    def test_built_once(self, builds: List[str], tmp_path: Path) -> None:
        spec = Spec(sys.executable, ("a", "b"))
        first = environments.build(spec, cache=str(tmp_path))
        again = environments.build(Spec(sys.executable, ("b", "a", "a")), cache=str(tmp_path))
        other = environments.build(Spec(sys.executable, ("a", "b"), ("c<3",)), cache=str(tmp_path))
        assert first == again != other
        assert builds == [first.prefix, other.prefix]
        assert os.path.exists(os.path.join(first.prefix, environments.MARKER))

    def test_half_built_is_built_again(self, builds: List[str], tmp_path: Path) -> None:
        spec = Spec(sys.executable, ())
        environment = environments.build(spec, cache=str(tmp_path))
        os.unlink(os.path.join(environment.prefix, environments.MARKER))
        litter = os.path.join(environment.prefix, "litter")
        Path(litter).touch()
        assert environments.build(spec, cache=str(tmp_path)) == environment
        assert len(builds) == 2
        assert not os.path.exists(litter)

    def test_a_failed_build_leaves_nothing(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        def install(_: Spec, environment: Environment, __: str) -> None:
            os.mkdir(environment.prefix)
            raise BuildError("no")

        monkeypatch.setattr(environments, "_install", install)
        spec = Spec(sys.executable, ())
        with pytest.raises(BuildError):
            environments.build(spec, cache=str(tmp_path))
        assert not os.path.exists(tmp_path / spec.key)

    def test_two_ask_at_once(self, builds: List[str], tmp_path: Path) -> None:
        spec = Spec(sys.executable, ())
        threads = [
            threading.Thread(target=environments.build, args=(spec,), kwargs={"cache": str(tmp_path)})
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(builds) == 1

    def test_a_dead_builder_does_not_block(self, builds: List[str], tmp_path: Path) -> None:
        spec = Spec(sys.executable, ())
        (tmp_path / f"{spec.key}.lock").touch()
        os.makedirs(tmp_path / spec.key / "bin")
        environments.build(spec, cache=str(tmp_path))
        assert len(builds) == 1

    def test_not_a_python(self, tmp_path: Path) -> None:
        with pytest.raises(BuildError, match="not a Python"):
            environments.build(Spec(str(tmp_path / "python"), ()), cache=str(tmp_path))

    @pytest.mark.parametrize(
        ("said", "kind"),
        [
            ("x No solution found when resolving dependencies:", Unresolvable),
            ("ERROR: ResolutionImpossible: for help", Unresolvable),
            ("ERROR: Could not fetch URL\nERROR: No matching distribution found for a", BuildError),
            ("No space left on device", BuildError),
        ],
    )
    def test_failing_installers(self, tmp_path: Path, said: str, kind: type) -> None:
        program = f"import sys; print({said!r}, file=sys.stderr); sys.exit(4)"
        with pytest.raises(BuildError) as caught:
            environments._installer([sys.executable, "-c", program], str(tmp_path))
        assert type(caught.value) is kind
        assert str(caught.value).endswith(said)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    prefix = str(tmp_path_factory.mktemp("environment") / "of tests")
    venv.create(prefix, with_pip=False)
    return Environment(prefix)


class TestPrograms:
    def run(self, environment: Environment, folder: Path, program: str, *args: str, **kwargs: Any) -> Completed:
        path = folder / "program.py"
        path.write_text(program)
        return environments.run(environment, str(path), *args, **{"timeout": 60, **kwargs})

    def test_runs_inside(self, environment: Environment, tmp_path: Path) -> None:
        program = "import os, sys; print(sys.prefix, *sys.argv[1:]); sys.exit(5)"
        done = self.run(environment, tmp_path, program, "x")
        assert (done.returncode, done.stderr) == (5, "")
        prefix, _, argument = done.stdout.strip().rpartition(" ")
        assert os.path.samefile(prefix, environment.prefix)
        assert argument == "x"

    def test_is_clean(self, environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setenv("COMPATSHIM_DISABLE", "*")
        program = (
            "import os; print([n for n in os.environ if n.startswith(('COMPATSHIM', 'PYTHONPATH'))], os.listdir())"
        )
        assert self.run(environment, tmp_path, program).stdout == "[] []\n"
        done = self.run(environment, tmp_path, program, env={"COMPATSHIM": "off"})
        assert done.stdout == "['COMPATSHIM'] []\n"

    def test_only_the_shim_is_importable(self, environment: Environment, tmp_path: Path) -> None:
        (tmp_path / "site" / "compatshim").mkdir(parents=True)
        (tmp_path / "site" / "compatshim" / "__init__.py").write_text("here = True")
        (tmp_path / "site" / "neighbour.py").touch()
        program = "import compatshim\nassert compatshim.here\nimport neighbour"
        done = self.run(environment, tmp_path, program, shim_from=str(tmp_path / "site" / "compatshim"))
        assert "No module named 'neighbour'" in done.stderr
        assert "No module named 'compatshim'" in self.run(environment, tmp_path, program).stderr

    @pytest.mark.skipif(os.name != "posix", reason="looks for the child by its number")
    def test_a_timeout_kills_children(self, environment: Environment, tmp_path: Path) -> None:
        note = tmp_path / "child"
        program = (
            "import subprocess, sys, time\n"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
            f"open({str(note)!r}, 'w').write(str(child.pid))\n"
            "time.sleep(60)"
        )
        done = self.run(environment, tmp_path, program, timeout=4)
        assert done.returncode is None
        assert 4 <= done.seconds < 30
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", note.read_text()], capture_output=True, text=True, check=False
        )
        assert state.stdout.strip()[:1] in ("", "Z")

    def test_installed(self, environment: Environment) -> None:
        names = ("Some_Thing-1.0.dist-info", "other-2.0.post1.dist-info", "old-3.egg-info")
        (library,) = Path(environment.prefix).glob("**/site-packages")
        for name in names:
            (library / name).mkdir()
        assert environment.installed() == {"some-thing": "1.0", "other": "2.0.post1"}


class TestInterpreters:
    def test_the_list_is_all_that_counts(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        nothing = str(tmp_path / "nothing")
        monkeypatch.setenv("COMPATSHIM_PYTHONS", os.pathsep.join([nothing, sys.executable, sys.executable]))
        here = "{}.{}".format(*sys.version_info)
        expected = {here: sys.executable} if here in environments.MINORS else {}
        assert environments.interpreters() == expected

    @pytest.mark.skipif(os.name != "posix", reason="makes its interpreters of scripts")
    def test_conventional_places(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        def python(path: str, says: str) -> str:
            target = tmp_path / path
            target.parent.mkdir(parents=True)
            target.write_text(f"#!/bin/sh\necho {says}\n")
            target.chmod(0o755)
            return str(target)

        python("pyenv/versions/3.9.2/bin/python", "cpython 3.9.2")
        newest = python("pyenv/versions/3.9.18/bin/python", "cpython 3.9.18")
        python("pyenv/versions/3.13.0t/bin/python", "cpythont 3.13.0")
        managed = python("uv/cpython-3.13.1-linux/bin/python", "cpython 3.13.1")
        python("shims/python3.10", "cpython 3.10.1")
        on_path = python("path/python3.12", "cpython 3.12.4")
        monkeypatch.delenv("COMPATSHIM_PYTHONS", raising=False)
        monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
        monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
        monkeypatch.setenv("PATH", os.pathsep.join(str(tmp_path / name) for name in ("shims", "path")))
        found = environments.interpreters()
        expected: Mapping[str, str] = {"3.9": newest, "3.12": on_path, "3.13": managed}
        assert {minor: found[minor] for minor in expected} == expected
        assert str(tmp_path / "shims" / "python3.10") not in found.values()

    def test_cache_directory(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("COMPATSHIM_ENV_CACHE", str(tmp_path))
        assert environments.cache_directory() == str(tmp_path)
        monkeypatch.delenv("COMPATSHIM_ENV_CACHE")
        assert os.path.join("compatshim", "environments") in environments.cache_directory()


@pytest.mark.e2e
@pytest.mark.parametrize("with_uv", [True, False])
def test_real_installers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, with_uv: bool) -> None:
    if not with_uv:
        monkeypatch.setattr(environments, "uv", tuple)
    elif not uv():
        pytest.skip("uv is not here")
    spec = Spec(sys.executable, ("filelock",), ("filelock==3.12.0",))
    assert environments.build(spec, cache=str(tmp_path)).installed()["filelock"] == "3.12.0"
    impossible: Sequence[str] = ("filelock==3.12.0", "filelock==3.13.1")
    with pytest.raises(Unresolvable):
        environments.build(Spec(sys.executable, tuple(impossible)), cache=str(tmp_path))
