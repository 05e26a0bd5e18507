"""The catalog in other tools' formats, and other tools' knowledge as candidates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import jsonschema
import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from compatshim import catalog
from compatshim.catalog import Catalog
from compatshim.kb import conda, osv, scoped
from compatshim.kb.conda import Candidate, CondaError, Skipped
from compatshim.metadata.snapshot import Snapshot
from tests import support

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DATA = Path(__file__).parent / "data" / "interchange"
"""A schema of OSV's (ossf/osv-schema, Apache-2.0) and patches of conda-forge's (BSD-3-Clause), as they are."""

KNOWN = catalog.load()
SNAPSHOT = Snapshot.bundled()


class TestOsv:
    @pytest.mark.parametrize("identifier", [advisory.id for advisory in KNOWN.advisories])
    def test_the_official_schema(self, identifier: str) -> None:
        schema = json.loads((DATA / "osv-schema-1.7.5.json").read_text(encoding="utf-8"))
        record = osv.record(KNOWN.advisory(identifier), SNAPSHOT)
        jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(record)
        assert record["schema_version"] == "1.7.5"

    def test_ranges_say_what_the_versions_say(self) -> None:
        """As OSV evaluates them, for every known release."""
        compared = 0
        for advisory in KNOWN.advisories:
            for affected in osv.record(advisory, SNAPSHOT)["affected"]:
                for release in SNAPSHOT.releases(affected["package"]["name"]) or ():
                    inside = _affected(affected, release.version)
                    assert inside == (str(release.version) in affected["versions"]), release
                    compared += 1
        assert compared > 1000

    def test_that_it_is_lossy_is_said(self) -> None:
        record = osv.record(KNOWN.advisory("CSA-2026-0001"), SNAPSHOT)
        assert record["details"].startswith(
            "Holds only where all of this is installed together: evaluate <0.4.2 with "
        )
        assert len(record["database_specific"]["all_of"]) == len(record["affected"]) == 3


def _affected(affected: Dict[str, Any], version: Version) -> bool:
    for one in affected["ranges"]:
        inside = False
        for event in one["events"]:
            if "introduced" in event and (event["introduced"] == "0" or version >= Version(event["introduced"])):
                inside = True
            if "fixed" in event and version >= Version(event["fixed"]):
                inside = False
        if inside:
            return True
    return False


class TestScoped:
    def test_each_advisory_is_said_or_not_with_a_reason(self) -> None:
        said, unsaid = scoped.parts(scoped.overrides(KNOWN, SNAPSHOT))
        assert {one.advisory for one in said} | {one.advisory for one in unsaid} == {
            advisory.id for advisory in KNOWN.advisories
        }
        assert not {one.advisory for one in said} & {one.advisory for one in unsaid}
        assert all(one.reason for one in unsaid)

    def test_no_version_that_is_bad_is_left(self) -> None:
        """What an override puts in place shuts out every known version of the other project that is bad."""
        said, _ = scoped.parts(scoped.overrides(KNOWN, SNAPSHOT))
        assert said
        for one in said:
            advisory = KNOWN.advisory(one.advisory)
            (term,) = (term for term in advisory.terms if term.project != one.project)
            allowed = SpecifierSet(one.requirement[len(term.project) :])
            for release in SNAPSHOT.releases(term.project) or ():
                assert not (release.version in allowed and term.contains(release.version)), release

    @pytest.mark.e2e
    def test_uv_reads_them(self, tmp_path: Path) -> None:
        """A version that is bad with what is newest gets the other project that goes with it."""
        catalog_ = Catalog((KNOWN.advisory("CSA-2026-0027"),), "0" * 12)
        said, _ = scoped.parts(scoped.overrides(catalog_, SNAPSHOT))
        needs = ["typer==0.12.5", "click>=8.2"]
        project = f'[project]\nname = "x"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = {needs}\n'
        (tmp_path / "pyproject.toml").write_text(project, encoding="utf-8")
        command = [sys.executable, "-m", "uv", "lock", "--python", sys.executable, "--project", str(tmp_path)]
        before = subprocess.run(command, capture_output=True, text=True, check=False, env=support.environment())
        assert before.returncode == 0, before.stderr
        (tmp_path / "pyproject.toml").write_text(project + scoped.render(said), encoding="utf-8")
        after = subprocess.run(command, capture_output=True, text=True, check=False, env=support.environment())
        # The project insists on a new click; that typer 0.12.5 needs an older one is known to uv now.
        assert after.returncode == 1, after.stdout
        assert "click<8.2.0" in after.stderr.replace(" ", "")


def read(name: str) -> List[Candidate]:
    text = (DATA / name).read_text(encoding="utf-8")
    return [one for one in conda.read(text, name) if isinstance(one, Candidate)]


class TestConda:
    def test_real_patches(self) -> None:
        assert read("multiuserfilelock.yaml") == [
            Candidate("multiuserfilelock", ("<0.0.8",), "filelock", ("==3.13.0",), "multiuserfilelock.yaml#1"),
            Candidate("multiuserfilelock", ("==0.0.9",), "filelock", ("==3.13.0",), "multiuserfilelock.yaml#2"),
        ]
        assert [one[:4] for one in read("tokenizers.yaml")] == [
            ("tokenizers", ("==0.14.0", "==0.14.1"), "huggingface-hub", ("<0.16.4", ">=0.18")),
        ]
        found = {(one.project, one.versions, one.dependency, one.bad) for one in read("transformers.yaml")}
        assert ("transformers", (str(SpecifierSet(">=4.18,<4.23")),), "tokenizers", (">=0.13",)) in found
        assert [(one.dependency, one.bad, one.narrowed) for one in read("virtualenv.yaml")] == [
            ("distlib", ("<0.3.5",), ("build_number",)),
            ("filelock", ("<3.4.1",), ("build_number",)),
            ("platformdirs", ("<2.4",), ("build_number",)),
            ("importlib-metadata", ("<4.8.3",), ("build_number",)),
        ]

    @pytest.mark.parametrize(
        ("then", "bad"),
        [
            ("add_depends: numpy <2.0a0", [(">=2.0",)]),
            ("add_depends: numpy 1.2.*", [("!=1.2.*",)]),
            ("add_depends: numpy =1.2", [("!=1.2.*",)]),
            ("add_depends: [numpy <2, pandas]", [(">=2",)]),
            ("add_depends: python >=3.8", []),
            ("add_constrains: a >=1", []),  # of itself
            ("replace_depends: {old: numpy >=1, new: 'numpy >=1,<2'}", [(">=2",)]),
            ("replace_depends: {old: numpy >=1, new: numpy >=1}", []),
            ("tighten_depends: {name: numpy, upper_bound: '1.20'}", [(">=1.20",)]),
            ("tighten_depends: {name: numpy, max_pin: x.x}", []),
            ("remove_depends: numpy", []),
            ("loosen_depends: {name: numpy, upper_bound: '3'}", []),
        ],
    )
    def test_what_a_patch_shuts_out(self, then: str, bad: List[Any]) -> None:
        text = f"if:\n  name: a\n  version: 1.20\nthen:\n  - {then}\n"
        found = [one for one in conda.read(text, "a.yaml") if isinstance(one, Candidate)]
        assert [one.bad for one in found] == bad
        assert all(one.versions == ("==1.20",) for one in found)  # and not 1.2, a number

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("if: {timestamp_lt: 1}\nthen: [{add_depends: a <1}]\n", "is about no project by name"),
            ("if: {name: 'py*'}\nthen: [{add_depends: a <1}]\n", "is about no project by name"),
            ("if: {name: a, not_version: '1'}\nthen: [{add_depends: b <1}]\n", "not_version is no range"),
            ("if: {name: a}\nthen: [{add_depends: 'b 1|2'}]\n", "b 1|2: alternatives are no specifier set"),
            ("if: {name: a}\nthen: [{add_depends: 'b ~=1.2'}]\n", "~=1.2 has no single opposite"),
        ],
    )
    def test_what_cannot_be_said_is_told(self, text: str, reason: str) -> None:
        assert list(conda.read(text, "a.yaml")) == [Skipped("a.yaml#1", reason)]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{", "a.yaml: is not YAML"),
            ("- 1\n", "a.yaml#1: is not a patch"),
            ("if: 1\nthen: 2\n", "a.yaml#1: `if` must"),
        ],
    )
    def test_damage(self, text: str, message: str) -> None:
        with pytest.raises(CondaError, match=message):
            list(conda.read(text, "a.yaml"))

    def test_a_bomb_of_aliases_is_not_unfolded(self) -> None:
        lines = [
            "a0: &a0 [x, x, x, x, x, x, x, x, x]",
            *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)),
        ]
        with pytest.raises(CondaError, match="is not a patch"):
            list(conda.read("\n".join(lines), "a.yaml"))

    def test_a_candidate_is_toml(self) -> None:
        (candidate, *_) = read("virtualenv.yaml")
        content = tomllib.loads(conda.render(candidate))
        assert content["terms"] == [
            {"project": "virtualenv", "any_of": ["==20.16.3"]},
            {"project": "distlib", "any_of": ["<0.3.5"]},
        ]
        assert content["source"] == "virtualenv.yaml#1"
        assert "a reproducer" in content["missing"]
        assert any("build_number" in text for text in content["missing"])


def command(*argv: str) -> support.Completed:
    code = "import sys\nfrom compatshim.__main__ import main\nsys.exit(main({argv!r}))"
    place = os.path.dirname(support.PACKAGE)
    program = f"import sys; sys.path.insert(0, {place!r})\n{code.format(argv=['kb', *argv])}"
    return support.start([sys.executable, "-B", "-c", program], cwd=os.sep)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "out"


class TestCommands:
    def test_export_osv(self, folder: Path) -> None:
        done = command("export", "osv", "--output", str(folder))
        assert (done.code, done.out) == (0, "")
        assert f"{len(KNOWN.advisories)} records; OSV cannot say" in done.err
        assert sorted(os.listdir(folder)) == [f"x_{advisory.id}.json" for advisory in KNOWN.advisories]
        assert [record["id"] for record in json.loads(command("export", "osv").out)] == [
            f"x_{advisory.id}" for advisory in KNOWN.advisories
        ]

    def test_export_uv(self) -> None:
        done = command("export", "uv")
        assert done.code == 0
        content = tomllib.loads(done.out)["tool"]["uv"]["override-dependencies"]
        assert {"package", "dependencies"} == {key for item in content for key in item}
        assert "not in it: CSA-2026-0001 is about 3 projects" in done.err

    def test_import_of_a_folder(self, folder: Path) -> None:
        done = command("import", str(DATA), "--output", str(folder))
        assert (done.code, done.out) == (0, "")
        assert done.err.startswith("compatshim: 4 files: ")
        assert f" {len(os.listdir(folder))} candidates; " in done.err
        everything = command("import", "--all", str(DATA))
        assert everything.out.count("missing = [") > len(os.listdir(folder)) > 0

    def test_import_of_nothing(self, tmp_path: Path) -> None:
        done = command("import", str(tmp_path))
        assert (done.code, done.out) == (3, "")
        assert done.err == f"compatshim: {tmp_path}: holds no *.yaml: nothing was read\n"
