"""Files that are broken, hostile or merely odd: one clear message with the line, soon, and never a traceback."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Callable

import pytest

from compatshim.inventory import documents
from compatshim.inventory.documents import Places
from compatshim.inventory.manifest import ManifestError, Source


def source(text: str, path: str = "file") -> Source:
    return Source(path, text)


class TestLoading:
    @pytest.mark.parametrize(
        ("mark", "encoding"),
        [(b"", "utf-8"), (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")],
    )
    def test_marks_tell_the_encoding(self, mark: bytes, encoding: str, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_bytes(mark + "naïve==1\r\n".encode(encoding))
        assert documents.load(str(path)).text == "naïve==1\r\n"

    def test_bytes_that_are_no_text_are_told_with_their_line(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_bytes(b"a==1\nb==2\nc\xff==3\n")
        with pytest.raises(ManifestError, match=r"a\.txt:3: is not UTF-8: invalid start byte \(byte 12\)"):
            documents.load(str(path))

    def test_what_is_too_large_is_not_read_to_its_end(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        with path.open("wb") as file:
            file.truncate(100 << 20)  # a hole: it takes no room
        with pytest.raises(ManifestError, match="is larger than 32 MiB"):
            documents.load(str(path))

    @pytest.mark.skipif(sys.platform == "win32", reason="has no such device")
    def test_what_never_ends_does(self) -> None:
        with pytest.raises(ManifestError, match="is larger than 32 MiB"):
            documents.load("/dev/zero")

    def test_standard_input(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfa==1\n")))
        monkeypatch.chdir(tmp_path)
        assert documents.load("-") == Source("<stdin>", "a==1\n", str(tmp_path), str(tmp_path))

    def test_a_repository_is_the_root_and_a_link_into_it_does_not_matter(self, tmp_path: Path) -> None:
        (tmp_path / "repository" / ".git").mkdir(parents=True)
        folder = tmp_path / "repository" / "requirements"
        folder.mkdir()
        (folder / "a.txt").write_text("")
        assert documents.load(str(folder / "a.txt")).root == str((tmp_path / "repository").resolve())


HOSTILE = {
    "json": (documents.json_object, '{"a": ' + "[" * 200_000, "is nested too deeply"),
    "json objects": (documents.json_object, '{"a": ' * 200_000, "is nested too deeply"),
    "toml": (documents.toml, "a = " + "[" * 200_000, "is nested too deeply"),
    "dotted key": (
        documents.toml,
        f"x = 1\n{'.'.join('a' * 100_000)} = 1\n",
        "file:2: has a key of too many parts",
    ),
    "dotted table": (documents.toml, f"[{' . '.join(['a'] * 100)}]\n", "file:1: has a key of too many parts"),
    "yaml": (documents.yaml, "a: " + "[" * 200_000, "file:1: is "),
    "yaml mappings": (
        documents.yaml,
        "".join(f"{' ' * i}a:\n" for i in range(500)),
        "file:65: is nested too deeply",
    ),
    "billion laughs": (
        documents.yaml,
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{n}: &{n} [{','.join([f'*{b}'] * 9)}]\n" for b, n in zip("abcdefghijk", "bcdefghijkl")),
        "has more than 2,000,000 values",
    ),
    "quadratic aliases": (
        documents.yaml,
        f"a: &a [{','.join('x' * 3000)}]\nb:\n" + "- *a\n" * 3000,
        "has more than 2,000,000 values",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_end_in_a_message(name: str) -> None:
    parse, text, message = HOSTILE[name]
    with pytest.raises(ManifestError) as raised:
        parse(source(text))
    assert message in str(raised.value)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (documents.toml, "a = 1\nb = \n", "file:2: is not TOML: Invalid value"),
        (documents.toml, "a = 1\n[[package", "file:2: is not TOML: "),
        (
            documents.toml,
            f"a = {'1' * 5000}\n",
            "file: is not TOML: Exceeds the limit (4300",
        ),
        (documents.json_object, '{"a": 1,\n "b"}', "file:2: is not JSON: Expecting ':' delimiter"),
        (documents.json_object, "[]", "file:1: is not a JSON object"),
        (documents.json_object, "", "file:1: is not JSON: Expecting value"),
        (
            documents.json_object,
            f'{{"a": {"1" * 5000}}}',
            "file: is not JSON: Exceeds the limit (4300",
        ),
        (documents.yaml, "a: 1\nb: [1\nc: }\n", "file:3: is not YAML: "),
        (documents.yaml, "a: *nothing\n", "file:1: has no anchor 'nothing' before this alias"),
        (documents.yaml, "- 1\n", "file:1: is not a YAML mapping"),
        (documents.yaml, "", "file:1: is not a YAML mapping"),
        (documents.yaml, "a: \x01\n", "file: is not YAML: "),
        (documents.yaml, "&a a: &b\n  c: *b\n", "file:2: has no anchor 'b' before this alias"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(parse: Callable[[Source], object], text: str, message: str) -> None:
    with pytest.raises(ManifestError) as raised:
        parse(source(text))
    assert str(raised.value).startswith(message)


class TestYaml:
    def test_scalars_are_as_written_and_know_their_lines(self) -> None:
        found = documents.yaml(source("a: 1.20\nb:\n  - no\n  - 'x'\n"))
        assert found == {"a": "1.20", "b": ["no", "x"]}
        assert (found["a"].line, found["b"][1].line) == (1, 4)

    def test_aliases_are_what_they_stand_for(self) -> None:
        found = documents.yaml(source("a: &x 1\nb: &y [*x]\nc: *y\n"))
        assert found == {"a": "1", "b": ["1"], "c": ["1"]}
        assert found["c"] is found["b"]

    def test_only_the_first_document_is_read(self) -> None:
        assert documents.yaml(source("a: 1\n---\nb: [")) == {"a": "1"}

    def test_keys_that_are_no_texts_hold_nothing(self) -> None:
        assert documents.yaml(source("? [a]\n: 1\nb: 2\n")) == {"": "1", "b": "2"}

    def test_the_parser_in_python_does_as_well(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import yaml

        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
        assert documents.yaml(source("a: [1]\n")) == {"a": ["1"]}


class TestPlaces:
    def test_tables(self) -> None:
        text = '[[package]]\nversion = "1"\nname = "a"\n\n[[package]]\n[package.source]\nname = "x"\n'
        places = Places(source(text))
        assert [place.line for place in places.tables("package", 2)] == [3, 5]
        assert [place.line for place in places.tables("package", 3)] == [None] * 3
        assert places.tables("other", 0) == []

    def test_the_same_string_again_stands_further_on(self) -> None:
        places = Places(source('x = ["a",\n\'a\',\n "b"]\n"a"\n'))
        assert [places.quoted(text).line for text in ("b", "a", "a", "b")] == [3, 4, 4, 3]
        assert places.quoted("c").line is None

    @pytest.mark.parametrize("value", [None, 1, "a", [1], {}])
    def test_what_is_of_another_type_is_empty(self, value: object) -> None:
        assert documents.table(None if value == {} else value) == {}
        assert documents.texts(value) == []
        assert documents.tables(value) == ([{}] if value == [1] else [])
        assert documents.text(value) == ("a" if value == "a" else "")
