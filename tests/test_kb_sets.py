"""Constraint sets: what is asked for, what is on record, and what makes them stale. Nothing is installed here."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import pytest
from packaging.version import Version

from compatshim import catalog
from compatshim.constraints import ConstraintFile, Line
from compatshim.kb import environments
from compatshim.kb.environments import BuildError
from compatshim.kb.sets import check, make, readme, record, stacks
from compatshim.kb.sets.make import Maker
from compatshim.kb.sets.prove import Refuted
from compatshim.kb.sets.record import Entry
from compatshim.kb.sets.stacks import Job, SetsError, Stack
from compatshim.model import Catalog, Remedy
from tests.solve.worlds import Releases, advisory

TOML = """\
schema_version = "1.0"
pythons = ["3.8", "3.12"]

[[stacks]]
name = "old-1"
about = "As it was."
requirements = ["datasets==2.16.0", "filelock>=3"]
before = 2024-02-09

[[stacks]]
name = "new"
about = "As it is."
requirements = ["datasets"]
before = 2026-11-22
"""

OLD = Stack("old-1", "As it was.", ("datasets==2.16.0", "filelock>=3"), "2024-02-09")
NEW = Stack("new", "As it is.", ("datasets",), "2026-11-22")
KNOWN = catalog.load()


def written(folder: Path, text: str = TOML) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "sets.toml").write_text(text, encoding="utf-8")
    return str(folder)


class TestStacks:
    def test_a_job_for_each_stack_and_python(self, tmp_path: Path) -> None:
        assert stacks.jobs(written(tmp_path)) == (
            Job(OLD, "3.8"),
            Job(OLD, "3.12"),
            Job(NEW, "3.8"),
            Job(NEW, "3.12"),
        )

    def test_names(self) -> None:
        job = Job(OLD, "3.12")
        assert (job.path, job.command) == ("old-1/python3.12.txt", "python -m compatshim kb sets old-1 --on 3.12")
        assert (OLD.projects, OLD.held) == (("datasets", "filelock"), ("datasets",))

    @pytest.mark.parametrize(
        ("versions", "missed"),
        [
            ({"datasets": "2.16.0", "filelock": "3.9"}, ()),
            ({"datasets": "2.16.0", "filelock": "3.9rc1"}, ()),
            ({"datasets": "2.16.1", "filelock": "3.9"}, ("datasets==2.16.0",)),
            ({"filelock": "2"}, ("datasets==2.16.0", "filelock>=3")),
        ],
    )
    def test_missed(self, versions: Dict[str, str], missed: Sequence[str]) -> None:
        assert OLD.missed({name: Version(text) for name, text in versions.items()}) == missed

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ('"1.0"', '"2.0"', "sets.toml:1: schema_version: '2.0' is not one of 1.0"),
            ('["3.8", "3.12"]', "[3.8]", "sets.toml:2: pythons: a list of strings is wanted, not [3.8]"),
            ('["3.8", "3.12"]', "[]", "sets.toml:2: pythons: at least one is wanted"),
            ("about", "abuot", "sets.toml:6: stacks[0].abuot: unknown key"),
            ('about = "As it was."\n', "", "sets.toml:4: stacks[0].about: missing"),
            ('"As it was."', "7", "sets.toml:6: stacks[0].about: a non-empty string is wanted, not 7"),
            (
                '"old-1"',
                '"Old 1"',
                "sets.toml:5: stacks[0].name: 'Old 1' is not of small letters, digits, dots and",
            ),
            ('"new"', '"old-1"', "sets.toml:11: stacks[1].name: there is a stack old-1 already"),
            ('["datasets"]', "[]", "sets.toml:13: stacks[1].requirements: at least one is wanted"),
            ('["datasets"]', '["datasets=2"]', "stacks[1].requirements: 'datasets=2' is not a requirement"),
            ('["datasets"]', '["Data_Sets"]', "stacks[1].requirements: write the normalised name, 'data-sets'"),
            ("2024-02-09", '"2024-02-09"', "sets.toml:8: stacks[0].before: a date without quotes is wanted"),
            ("2024-02-09", "2024-02-09T00:00:00Z", "stacks[0].before: a date without quotes is wanted"),
            ("pythons", "pythons = [", "sets.toml:2: not TOML: "),
        ],
    )
    def test_errors_name_the_file_the_line_and_the_key(
        self, tmp_path: Path, old: str, new: str, message: str
    ) -> None:
        assert old in TOML
        with pytest.raises(SetsError) as error:
            stacks.jobs(written(tmp_path, TOML.replace(old, new, 1)))
        assert message in str(error.value)
        assert str(error.value).startswith(str(tmp_path))

    def test_no_stacks(self, tmp_path: Path) -> None:
        with pytest.raises(SetsError, match="stacks: at least one is wanted"):
            stacks.jobs(written(tmp_path, 'schema_version = "1.0"\npythons = ["3.8"]\nstacks = []\n'))

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(SetsError, match=r"sets\.toml: cannot read what sets to make: No such file"):
            stacks.jobs(str(tmp_path))


class TestRecord:
    ENTRY = Entry(["a"], "2024-02-09", digest="d", changes={"b": ["", "1"]}, outcomes={"CSA-2026-0001": "good"})

    def test_reads_as_written(self, tmp_path: Path) -> None:
        entries = {"y": Entry(["a"], "2024-02-09", reason="because"), "x": self.ENTRY}
        (tmp_path / "verified.json").write_text(record.render(entries), encoding="utf-8")
        assert record.read(str(tmp_path)) == entries
        assert record.render(record.read(str(tmp_path))) == record.render(entries)

    def test_what_does_not_apply_is_left_out(self) -> None:
        assert json.loads(record.render({"y": Entry(["a"], "2024-02-09", reason="because")}))["sets"] == {
            "y": {"requirements": ["a"], "before": "2024-02-09", "reason": "because"}
        }

    def test_none_yet(self, tmp_path: Path) -> None:
        assert record.read(str(tmp_path)) == {}

    @pytest.mark.parametrize(
        "text",
        ["", "{}", "[]", '{"schema_version": "1.0", "sets": []}', '{"schema_version": "1.0", "sets": {"x": {}}}'],
    )
    def test_damaged(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "verified.json").write_text(text, encoding="utf-8")
        with pytest.raises(
            SetsError, match=r"verified\.json: not a record of sets .*remove it and make all sets again"
        ):
            record.read(str(tmp_path))

    def test_of_another_schema(self, tmp_path: Path) -> None:
        (tmp_path / "verified.json").write_text('{"schema_version": "2.0", "sets": {}}', encoding="utf-8")
        with pytest.raises(SetsError, match=r"verified\.json: schema_version: '2\.0' is not one of 1\.0"):
            record.read(str(tmp_path))

    def test_holding(self) -> None:
        outcomes = {"a": "good", "b": "bad", "c": "shimmed", "d": "inapplicable", "e": "not run: it needs x"}
        assert Entry([], "", outcomes=outcomes).holding == ("b", "c")


def file(versions: Dict[str, str], job: Job, **vias: str) -> ConstraintFile:
    lines = [
        Line(
            name,
            f"=={version}",
            tuple(vias[name].split()) if name in vias else (),
            "" if name in vias else "as resolved",
        )
        for name, version in sorted(versions.items())
    ]
    return ConstraintFile("0.1.0", "aaaaaaaaaaaa", job.command, tuple(lines))


class TestPinned:
    JOB = Job(OLD, "3.8")

    def test_versions(self) -> None:
        assert record.pinned(file({"b": "2", "a": "1.0"}, self.JOB)) == {"a": Version("1.0"), "b": Version("2")}

    @pytest.mark.parametrize("line", [Line("a", ">=1", (), "x"), Line("b", "==2", (), "x")])
    def test_each_project_has_one_exact_pin(self, line: Line) -> None:
        made = file({"b": "2"}, self.JOB)
        with pytest.raises(ValueError, match="is not the one exact pin of"):
            record.pinned(made._replace(lines=(*made.lines, line)))


class TestSettled:
    BEFORE = file({"a": "1"}, Job(OLD, "3.8"))

    def test_another_catalog_changes_no_byte(self) -> None:
        later = self.BEFORE._replace(digest="bbbbbbbbbbbb", version="9")
        assert make.settled(self.BEFORE.render(), later) == self.BEFORE.render()

    @pytest.mark.parametrize("old", [None, "", "# another header\n", BEFORE.render() + "a>=1\n"])
    def test_what_cannot_be_kept_is_written(self, old: Optional[str]) -> None:
        assert make.settled(old, self.BEFORE) == self.BEFORE.render()

    def test_other_lines_are_written(self) -> None:
        later = file({"a": "2"}, Job(OLD, "3.8"))
        assert make.settled(self.BEFORE.render(), later) == later.render()


# Clean by the catalog but for CSA-2026-0006, a note, and CSA-2026-0007, a warning.
VERSIONS = {"datasets": "2.16.0", "filelock": "3.9.0", "numpy": "1.24.4"}
OUTCOMES = {
    **{one.id: "good" for one in check.applicable(KNOWN, {name: Version(text) for name, text in VERSIONS.items()})},
    "CSA-2026-0002": "good",
    "CSA-2026-0005": "inapplicable",
    "CSA-2026-0006": "shimmed",
    "CSA-2026-0007": "bad",
}


Told = Callable[[Job], Tuple[Optional[ConstraintFile], Entry]]


@dataclasses.dataclass(frozen=True)
class Fake(Maker):
    """Gives what it was told to give for a stack, without installing anything."""

    told: Mapping[str, Told]

    def make(self, job: Job, python: str) -> Tuple[Optional[ConstraintFile], Entry]:
        assert python == f"/python{job.minor}"
        return self.told.get(job.stack.name.partition("-")[0], verified)(job)


def fake(**told: Told) -> Fake:
    return Fake(KNOWN, Releases({}), "no tests", told)


def asked(job: Job) -> Entry:
    return Entry(list(job.stack.requirements), job.stack.before)


def verified(job: Job) -> Tuple[ConstraintFile, Entry]:
    made = file(VERSIONS, job, filelock="CSA-2026-0001 CSA-2026-0002")
    entry = dataclasses.replace(
        asked(job),
        catalog="aaaaaaaaaaaa",
        date="2026-11-25",
        platform="linux_x86_64",
        changes={"filelock": ["3.13.1", "3.9.0"]},
        outcomes=OUTCOMES,
    )
    return made, entry


def impossible(job: Job) -> Tuple[None, Entry]:
    return None, dataclasses.replace(asked(job), reason="there are no wheels")


def refuted(job: Job) -> Tuple[None, Entry]:
    raise Refuted(f"{job.stack.name} does not work")


def generate(folder: str, maker: Maker, *minors: str) -> List[str]:
    interpreters = {minor: f"/python{minor}" for minor in minors or ("3.8", "3.12")}
    made = make.make(folder, stacks.jobs(folder), maker, interpreters=interpreters, workers=1)
    return [str(one) for one in made]


def contents(folder: str) -> Dict[str, bytes]:
    return {
        os.path.relpath(os.path.join(parent, name), folder): Path(parent, name).read_bytes()
        for parent, _, names in os.walk(folder)
        for name in names
    }


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Fresh sets: one stack has a set for both Pythons, the other for none."""
    made = written(tmp_path / "sets")
    generate(made, fake(new=impossible))
    return made


class TestMake:
    def test_tells_of_each(self, tmp_path: Path) -> None:
        told = generate(written(tmp_path), fake(new=impossible), "3.8")
        assert told == [
            "old-1/python3.12.txt: skipped: there is no Python 3.12 here",
            "new/python3.12.txt: skipped: there is no Python 3.12 here",
            "old-1/python3.8.txt: verified",
            "new/python3.8.txt: impossible: there are no wheels",
        ]

    def test_writes_a_file_its_entry_and_the_readme(self, folder: str) -> None:
        made, _ = verified(Job(OLD, "3.8"))
        assert Path(folder, "old-1", "python3.8.txt").read_text(encoding="utf-8") == made.render()
        assert sorted(contents(folder)) == [
            "README.md",
            os.path.join("old-1", "python3.12.txt"),
            os.path.join("old-1", "python3.8.txt"),
            "sets.toml",
            "verified.json",
        ]
        entry = record.read(folder)["old-1/python3.8.txt"]
        assert entry == dataclasses.replace(verified(Job(OLD, "3.8"))[1], digest=record.digest(made.render()))
        assert check.stale(folder, KNOWN) == ()

    def test_again_changes_no_byte(self, folder: str) -> None:
        def later(job: Job) -> Tuple[ConstraintFile, Entry]:
            made, entry = verified(job)
            entry = dataclasses.replace(entry, catalog="bbbbbbbbbbbb", date="2027-01-01")
            return made._replace(digest="bbbbbbbbbbbb", version="9"), entry

        before = contents(folder)
        generate(folder, fake(old=later, new=impossible))
        assert contents(folder) == before

    def test_what_was_observed_anew_is_on_record(self, folder: str) -> None:
        def differs(job: Job) -> Tuple[ConstraintFile, Entry]:
            made, entry = verified(job)
            return made, dataclasses.replace(entry, date="2027-01-01", outcomes={"CSA-2026-0007": "bad"})

        generate(folder, fake(old=differs, new=impossible))
        assert record.read(folder)["old-1/python3.8.txt"].date == "2027-01-01"

    def test_refuted_leaves_everything_and_goes_on(self, folder: str) -> None:
        before = contents(folder)
        assert generate(folder, fake(old=refuted, new=impossible)) == [
            "old-1/python3.8.txt: refuted: old-1 does not work",
            "old-1/python3.12.txt: refuted: old-1 does not work",
            "new/python3.8.txt: impossible: there are no wheels",
            "new/python3.12.txt: impossible: there are no wheels",
        ]
        assert contents(folder) == before

    def test_what_became_impossible_has_no_file(self, folder: str) -> None:
        generate(folder, fake(old=impossible, new=impossible))
        assert sorted(contents(folder)) == ["README.md", "sets.toml", "verified.json"]
        assert check.stale(folder, KNOWN) == ()

    def test_entries_of_stacks_that_went_go(self, folder: str) -> None:
        shutil.rmtree(os.path.join(folder, "old-1"))
        written(Path(folder), TOML.replace("old-1", "old-2"))
        generate(folder, fake(new=impossible))
        assert sorted(record.read(folder)) == [
            "new/python3.12.txt",
            "new/python3.8.txt",
            "old-2/python3.12.txt",
            "old-2/python3.8.txt",
        ]

    @pytest.mark.parametrize("trouble", [BuildError("no network"), KeyboardInterrupt()])
    def test_what_was_finished_stays(self, tmp_path: Path, trouble: BaseException) -> None:
        def fails(_: Job) -> Tuple[None, Entry]:
            raise trouble

        made = written(tmp_path)
        with pytest.raises(type(trouble)):
            generate(made, fake(new=fails))
        assert sorted(record.read(made)) == ["old-1/python3.12.txt", "old-1/python3.8.txt"]
        assert len(check.stale(made, KNOWN)) == 2

    @pytest.mark.parametrize("closed", [True, False], ids=["closed", "interrupted"])
    def test_an_interrupt_does_not_wait_for_what_runs(self, tmp_path: Path, closed: bool) -> None:
        ended = []

        def waits(_: Job) -> Tuple[None, Entry]:
            for _again in range(2):  # the second begins when the first was killed
                command = [sys.executable, "-c", "import time; time.sleep(100)"]
                try:
                    environments.execute(command, str(tmp_path), timeout=1000)
                except environments.Stopped as stopped:
                    ended.append(stopped)
            raise Refuted("it was killed")

        told = make.make(
            written(tmp_path),
            stacks.jobs(str(tmp_path)),
            fake(new=waits),
            interpreters={"3.8": "/python3.8"},
            workers=2,
        )
        assert str(next(told)).startswith("old-1/python3.12.txt: skipped")
        assert str(next(told)).startswith("new/python3.12.txt: skipped")
        assert str(next(told)) == "old-1/python3.8.txt: verified"
        while not environments._running:
            pass
        if closed:
            told.close()
        else:
            with pytest.raises(KeyboardInterrupt):
                told.throw(KeyboardInterrupt)
        assert len(ended) == 2


class TestStale:
    """Fresh sets, and each thing that can be wrong with them."""

    SET = "old-1/python3.8.txt"

    def test_fresh(self, folder: str) -> None:
        assert check.stale(folder, KNOWN) == ()
        assert check.unrun(folder, KNOWN) == ()

    def test_a_new_catalog_alone_changes_nothing(self, folder: str) -> None:
        assert check.stale(folder, KNOWN._replace(digest="cccccccccccc")) == ()

    def damage(self, folder: str, name: str, old: str, new: str) -> None:
        path = Path(folder, name)
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def told(self, folder: str, known: Catalog = KNOWN) -> str:
        return "\n".join(check.stale(folder, known))

    @pytest.mark.parametrize(
        ("name", "old", "new", "message"),
        [
            (SET, "numpy==1.24.4", "numpy==1.24.3", f"{SET}: is not the file that was verified: run `python -m"),
            (SET, "numpy==1.24.4", "numpy>=1.24.4", "numpy>=1.24.4 is not the one exact pin of numpy"),
            (SET, "# This file", "# That file", "line 1: not a header of compatshim"),
            (SET, "filelock==3.9.0", "filelock==3.12.0", "CSA-2026-0002 holds in it: run"),
            (SET, "datasets==2.16.0", "datasets==2.16.1", "does not hold datasets==2.16.0"),
            ("sets.toml", "filelock>=3", "filelock>=2", f"{SET}: sets.toml asks for something else now: run"),
            ("sets.toml", "2024-02-09", "2024-02-10", f"{SET}: sets.toml asks for something else now: run"),
            (
                "sets.toml",
                '"3.8", ',
                '"3.8", "3.9", ',
                "old-1/python3.9.txt: was not made: run `python -m compatshim",
            ),
            ("sets.toml", '"3.8", ', "", f"verified.json: {SET}: belongs to no stack: remove it"),
            ("sets.toml", '"3.8", ', "", f"\n{SET}: belongs to no stack: remove it"),
            ("sets.toml", "As it was.", "As it is not.", "README.md: is not what verified.json says: run `python"),
            ("README.md", "3.9.0", "3.9.1", "README.md: is not what verified.json says"),
            (
                "verified.json",
                '"bad"',
                '"good"',
                "CSA-2026-0007 holds in it by the catalog, and not by verified.json",
            ),
            (
                "verified.json",
                '"CSA-2026-0002": "good"',
                '"CSA-2026-0002": "bad"',
                "CSA-2026-0002 holds in it by verified.json, and not by the catalog",
            ),
        ],
    )
    def test_damaged(self, folder: str, name: str, old: str, new: str, message: str) -> None:
        self.damage(folder, name, old, new)
        assert message in self.told(folder)

    @pytest.mark.parametrize("name", [SET, "README.md"])
    def test_not_text(self, folder: str, name: str) -> None:
        Path(folder, name).write_bytes(b"\xff\x00")
        assert f"{name}: is not " in self.told(folder)

    def test_a_file_too_few(self, folder: str) -> None:
        os.unlink(os.path.join(folder, *self.SET.split("/")))
        assert f"{self.SET}: verified.json says that it does exist: run" in self.told(folder)

    def test_a_file_too_many(self, folder: str) -> None:
        os.mkdir(os.path.join(folder, "new"))
        shutil.copy(os.path.join(folder, *self.SET.split("/")), os.path.join(folder, "new", "python3.8.txt"))
        assert "new/python3.8.txt: verified.json says that it cannot exist: run" in self.told(folder)

    def test_no_readme(self, folder: str) -> None:
        os.unlink(os.path.join(folder, "README.md"))
        assert "README.md: is not what verified.json says" in self.told(folder)

    def test_an_advisory_that_a_set_falls_under(self, folder: str) -> None:
        error = advisory(9998, {"numpy": [("1.24", "1.25")]})
        known = KNOWN._replace(advisories=(*KNOWN.advisories, error))
        assert f"{self.SET}: CSA-2026-9998 holds in it: run" in self.told(folder, known)

    def test_a_note_that_is_newer_does_not_ask_for_other_versions(self, folder: str) -> None:
        note = advisory(9998, {"numpy": [("1.24", "1.25")]})._replace(remedies=(Remedy("shim", shim="x"),))
        known = KNOWN._replace(advisories=(*KNOWN.advisories, note))
        assert check.stale(folder, known) == ()
        assert "is older than CSA-2026-9998" in check.unrun(folder, known)[0]

    def test_an_advisory_whose_reproducer_was_not_run(self, folder: str) -> None:
        newer = advisory(9998, {"numpy": [("2", "3")]})
        known = KNOWN._replace(advisories=(*KNOWN.advisories, newer))
        assert check.stale(folder, known) == ()
        assert check.unrun(folder, known)[0] == (
            f"{self.SET}: is older than CSA-2026-9998, whose reproducers were not run in it"
        )

    def test_line_ends_of_the_checkout_do_not_matter(self, folder: str) -> None:
        for name in contents(folder):
            path = Path(folder, name)
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        assert check.stale(folder, KNOWN) == ()


README = """\
## old-1

As it was. Asked for `datasets==2.16.0`, `filelock>=3`, as the index was before 2024-02-09.

| Python | pins | filelock | huggingface-hub | pyarrow | numpy | pandas | changed | reproducers | \
holds all the same | verified |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| [3.8](old-1/python3.8.txt) | 3 | 3.9.0 |  |  | 1.24.4 |  | filelock 3.13.1 → 3.9.0 | \
1 good, 1 inapplicable | CSA-2026-0006 (shim), CSA-2026-0007 | 2026-11-25 by aaaaaaaaaaaa |

- No set for Python 3.12: it was not made.

## new

As it is. Asked for `datasets`, as the index was before 2026-11-22.

- No set for Python 3.8: there are no wheels.
- No set for Python 3.12: it was not made.
"""


class TestReadme:
    def test_says_what_there_is_and_what_is_missing(self, tmp_path: Path) -> None:
        folder = written(tmp_path)
        generate(folder, fake(new=impossible), "3.8")
        text = readme.text(folder)
        assert text == (tmp_path / "README.md").read_text(encoding="utf-8")
        head, _, rest = text.partition("\n## ")
        good = sum(outcome == "good" for outcome in OUTCOMES.values())
        assert f"## {rest}" == README.replace("1 good", f"{good} good")
        assert "\n    pip install -c constraints/old-1/python3.8.txt datasets filelock\n" in head
        assert "in a fresh environment on\nlinux_x86_64." in head

    def test_before_anything_was_made(self, tmp_path: Path) -> None:
        assert readme.text(written(tmp_path)).count(": it was not made.") == 4

    def test_a_damaged_set_is_named(self, folder: str) -> None:
        Path(folder, "old-1", "python3.8.txt").write_text("filelock\n", encoding="utf-8")
        with pytest.raises(
            SetsError, match=r"old-1/python3\.8\.txt: line 1: .* run `python -m compatshim kb sets old-1"
        ):
            readme.text(folder)
