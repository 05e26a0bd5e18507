from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path
from typing import Any, List, Mapping, Sequence

import pytest

from compatshim.installer import uv
from compatshim.kb import environments
from compatshim.kb.environments import BuildError, Completed, Environment, Spec, Stopped, Unresolvable


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

    def test_built_again_when_it_is_too_old(self, builds: List[str], tmp_path: Path) -> None:
        spec = Spec(sys.executable, ())
        environments.build(spec, cache=str(tmp_path), since=time.time() - 60)
        environments.build(spec, cache=str(tmp_path), since=time.time() - 60)
        assert len(builds) == 1
        time.sleep(0.01)
        environments.build(spec, cache=str(tmp_path), since=time.time())
        assert len(builds) == 2


class TestPrune:
    """Three environments of 1000 bytes and a few, used an hour, two hours and three hours ago."""

    @pytest.fixture
    def three(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> List[Spec]:
        def install(_: Spec, environment: Environment, __: str) -> None:
            os.mkdir(environment.prefix)
            Path(environment.prefix, "filling").write_bytes(bytes(1000))

        monkeypatch.setattr(environments, "_install", install)
        specs = [Spec(sys.executable, (name,)) for name in ("new", "older", "oldest")]
        for hours, spec in enumerate(specs, 1):
            environments.build(spec, cache=str(tmp_path))
            age(tmp_path, spec, hours)
        return specs

    def there(self, folder: Path, specs: List[Spec]) -> List[str]:
        return [spec.requirements[0] for spec in specs if (folder / spec.key).exists()]

    @pytest.mark.parametrize(
        ("limit", "left"),
        [
            (4000, ["new", "older", "oldest"]),
            (3000, ["new", "older"]),
            (2000, ["new"]),
            (0, []),
        ],
    )
    def test_the_least_recently_used_go(
        self, three: List[Spec], tmp_path: Path, limit: int, left: List[str]
    ) -> None:
        found = environments.prune(limit, cache=str(tmp_path))
        assert self.there(tmp_path, three) == left
        assert len(found.removed) == 3 - len(left)
        assert 1000 * len(left) <= found.kept <= limit

    def test_use_counts(self, three: List[Spec], tmp_path: Path) -> None:
        environments.build(three[2], cache=str(tmp_path))
        age(tmp_path, three[2], 0.5)
        environments.prune(2000, cache=str(tmp_path))
        assert self.there(tmp_path, three) == ["oldest"]

    def test_what_was_just_used_stays(self, three: List[Spec], tmp_path: Path) -> None:
        environments.build(three[0], cache=str(tmp_path))
        environments.prune(0, cache=str(tmp_path))
        assert self.there(tmp_path, three) == ["new"]

    @pytest.mark.skipif(os.name != "posix", reason="locks are shared only there")
    def test_what_is_in_use_stays(self, three: List[Spec], tmp_path: Path) -> None:
        with environments.use(three[2], cache=str(tmp_path)):
            age(tmp_path, three[2], 9)
            environments.prune(0, cache=str(tmp_path))
            assert self.there(tmp_path, three) == ["oldest"]
        environments.prune(0, cache=str(tmp_path))
        assert self.there(tmp_path, three) == []

    def test_half_removed(self, three: List[Spec], tmp_path: Path) -> None:
        os.rename(tmp_path / three[0].key, tmp_path / f"{three[0].key}.gone")
        environments.prune(9000, cache=str(tmp_path))
        assert [name for name in os.listdir(tmp_path) if name.endswith(".gone")] == []
        assert self.there(tmp_path, three) == ["older", "oldest"]

    def test_no_cache_yet(self, tmp_path: Path) -> None:
        assert environments.prune(0, cache=str(tmp_path / "none")) == environments.Pruned(0, ())


def age(folder: Path, spec: Spec, hours: float) -> None:
    when = time.time() - hours * 3600
    os.utime(folder / spec.key / environments.MARKER, (when, when))


def test_stop(tmp_path: Path) -> None:
    ended: List[str] = []

    def sleep() -> None:
        try:
            environments.execute([sys.executable, "-c", "import time; time.sleep(60)"], str(tmp_path), timeout=60)
        except Stopped as stopped:
            ended.append(str(stopped))

    thread = threading.Thread(target=sleep)
    thread.start()
    while not environments._running:
        time.sleep(0.01)
    environments.stop()
    thread.join(timeout=20)
    assert ended == [f"{sys.executable} -c"]


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
