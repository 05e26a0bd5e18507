"""Requirements files: every kind of line, what they include, and includes that lead astray."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from compatshim.inventory import files
from compatshim.inventory.manifest import Contents, ManifestError
from compatshim.inventory.readers import requirements


def read(folder: Path, texts: Dict[str, str], name: str = "requirements.txt") -> Contents:
    (folder / ".git").mkdir(exist_ok=True)
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode("utf-8"))
    return files.read(str(folder / name)).contents


def lines(found: Contents, folder: Path) -> List[Tuple[str, str]]:
    return [(str(one), str(one.location)[len(str(folder)) + 1 :].replace("\\", "/")) for one in found.demands]


def unread(found: Contents, folder: Path) -> List[Tuple[str, str]]:
    return [(one.where[len(str(folder)) + 1 :].replace("\\", "/"), one.reason) for one in found.unread]


def test_every_kind_of_line(tmp_path: Path) -> None:
    text = """\
# a comment
--index-url https://user:secret@example.org/simple
Evaluate == 0.4.1  # why
datasets[audio,vision]>=2.16 ; python_version >= "3.8" \\
    --hash=sha256:0000000000000000000000000000000000000000000000000000000000000000 \\
    --hash=sha256:1111111111111111111111111111111111111111111111111111111111111111

filelock @ https://files.pythonhosted.org/packages/filelock-3.12.0-py3-none-any.whl
https://example.org/numpy-1.26.4.tar.gz#egg=numpy
pyarrow @ git+https://user:secret@example.org/pyarrow.git@main
-e .
-e git+https://example.org/dill.git#egg=dill
./wheels/multiprocess-0.70-py3-none-any.whl
nothing >< 3
"""
    found = read(tmp_path, {"requirements.txt": text})
    assert lines(found, tmp_path) == [
        ("evaluate==0.4.1", "requirements.txt:3"),
        ("datasets[audio,vision]>=2.16", "requirements.txt:4"),
        ("filelock==3.12.0", "requirements.txt:8"),
        ("numpy==1.26.4", "requirements.txt:9"),
        ("multiprocess==0.70", "requirements.txt:13"),
    ]
    assert found.demands[1].marker == 'python_version >= "3.8"'
    assert [one.name for one in found.demands[:2]] == ["Evaluate", "datasets"]
    places = unread(found, tmp_path)
    assert [(where, one.project) for (where, _), one in zip(places, found.unread)] == [
        ("requirements.txt:10", "pyarrow"),
        ("requirements.txt:11", None),
        ("requirements.txt:12", "dill"),
        ("requirements.txt:14", None),
    ]
    assert places[0][1] == "is a path or an address: its version is not in the file"
    assert places[1][1] == "is editable: its version is not in the file"
    assert places[3][1] == "is no requirement: 'nothing >< 3'"
    assert "secret" not in str(found)


def test_includes_keep_their_own_places_and_constraints_ask_for_nothing(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "requirements/dev.txt": "-r ../base.txt\n-c caps.txt\npytest\n",
            "requirements/caps.txt": "filelock<3.12\n-r more.txt\n",
            "requirements/more.txt": "numpy<2\n",
            "base.txt": "datasets\n",
        },
        "requirements/dev.txt",
    )
    assert lines(found, tmp_path) == [
        ("datasets", "base.txt:1"),
        ("filelock<3.12", "requirements/caps.txt:1"),
        ("numpy<2", "requirements/more.txt:1"),
        ("pytest", "requirements/dev.txt:3"),
    ]
    assert [one.constraint for one in found.demands] == [False, True, True, False]


def test_cycles_end(tmp_path: Path) -> None:
    found = read(tmp_path, {"requirements.txt": "a\n-r b.txt\n", "b.txt": "b\n-r requirements.txt\n-r b.txt\n"})
    assert lines(found, tmp_path) == [("a", "requirements.txt:1"), ("b", "b.txt:1")]
    assert unread(found, tmp_path) == [
        ("b.txt:2", "includes 'requirements.txt', by which it is itself included"),
        ("b.txt:3", "includes 'b.txt', by which it is itself included"),
    ]


def test_what_is_included_twice_is_read_once(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {"requirements.txt": "-r a.txt\n-r b.txt\n", "a.txt": "-r c.txt\n", "b.txt": "-r c.txt\n", "c.txt": "x\n"},
    )
    assert lines(found, tmp_path) == [("x", "c.txt:1")]
    assert found.unread == ()


@pytest.mark.parametrize("path", ["../outside.txt", "{absolute}", "link.txt", "folder/../../outside.txt"])
def test_nothing_outside_of_the_project_is_opened(path: str, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("password=hunter2\n")
    project = tmp_path / "project"
    (project / "folder").mkdir(parents=True)
    (project / "link.txt").symlink_to(tmp_path / "outside.txt")
    path = path.format(absolute=tmp_path / "outside.txt")
    found = read(project, {"requirements.txt": f"datasets\n-r {path}\n"})
    assert lines(found, project) == [("datasets", "requirements.txt:1")]
    ((where, reason),) = unread(found, project)
    assert where == "requirements.txt:2"
    assert "which is outside of" in reason
    assert "hunter2" not in reason


def test_what_cannot_be_included_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00")
    found = read(tmp_path, {"requirements.txt": "-r no.txt\n-r https://example.org/r.txt\n-r .\n-r bad.txt\na\n"})
    reasons = dict(unread(found, tmp_path))
    assert reasons["requirements.txt:1"] == "includes 'no.txt', which cannot be read: No such file or directory"
    assert reasons["requirements.txt:2"] == "includes an address, which is not fetched"
    assert "which cannot be read" in reasons["requirements.txt:3"]
    assert "is not UTF-8" in reasons["requirements.txt:4"]
    assert lines(found, tmp_path) == [("a", "requirements.txt:5")]


def test_so_many_includes_are_not_read(tmp_path: Path) -> None:
    texts = {f"{number}.txt": f"-r {number + 1}.txt\np{number}\n" for number in range(requirements.MOST + 20)}
    found = read(tmp_path, {**texts, "requirements.txt": "-r 0.txt\n"})
    assert len(found.demands) == requirements.MOST
    ((where, reason),) = unread(found, tmp_path)
    assert (where, reason) == ("99.txt:1", "includes '100.txt', one file too many: 100 are read")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_separators_that_are_none(end: str, tmp_path: Path) -> None:
    found = read(tmp_path, {"requirements.txt": f"\ufeffa==1{end}# x\x0cy\u2028z{end}b==2{end}"})
    assert lines(found, tmp_path) == [("a==1", "requirements.txt:1"), ("b==2", "requirements.txt:3")]


def test_hostile_lines(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"requirements\.txt:2: has a line of more than 128 KiB"):
        read(tmp_path, {"requirements.txt": "a==1\n" + "b==1 \\\n" * 30_000})
    with pytest.raises(ManifestError, match=r"requirements\.txt:20001: has more than 20,000 requirements"):
        read(tmp_path, {"requirements.txt": "a==1\n" * 30_000})
    deep = f"a==1 ; {'(' * 20_000}python_version > '3'{')' * 20_000}\n"
    found = read(tmp_path, {"requirements.txt": f"{deep}b=={'1' * 5000}\nc>={'1' * 5000}\nd==1\n"})
    assert lines(found, tmp_path) == [("d==1", "requirements.txt:4")]
    assert len(found.unread) == 3
    assert all(len(one.reason) < 150 for one in found.unread)


def test_includes_end_when_there_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "LINES", 3)
    found = read(tmp_path, {"requirements.txt": "-r a.txt\n-r b.txt\n", "a.txt": "a\nb\nc\n", "b.txt": "d\n"})
    assert len(found.demands) == 3
    assert unread(found, tmp_path) == [
        ("requirements.txt:2", "includes 'b.txt', not read: 3 requirements are enough")
    ]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RecursionError(), "is nested too deeply"),
        (Exception("Invalid line"), "cannot be parsed as a requirements file: Invalid line"),
    ],
)
def test_what_its_parser_does_not_take_is_one_message(
    error: Exception, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pip_requirements_parser import RequirementsFile

    def parse(*_args: object, **_options: object) -> object:
        raise error

    monkeypatch.setattr(RequirementsFile, "parse", parse)
    with pytest.raises(ManifestError, match=f"requirements.txt: {message}"):
        read(tmp_path, {"requirements.txt": "a\n"})
