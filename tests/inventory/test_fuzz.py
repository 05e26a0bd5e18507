"""Real files, damaged: whatever is cut, doubled or turned over, there is an answer or one message."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from typing import List, Optional, Tuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compatshim import cli
from compatshim.inventory import kinds, targets
from compatshim.inventory.manifest import ManifestError, Source
from tests.inventory import corpus

FILES = [
    (path, (corpus.FOLDER / path).read_text(encoding="utf-8"))
    for path in corpus.MANIFESTS
    if (corpus.FOLDER / path).stat().st_size < 20_000
]
PIECES = [
    *(
        "",
        "\n",
        '"',
        "'",
        "[",
        "]",
        "{",
        "}",
        "=",
        ":",
        "-",
        "&a ",
        "*a",
        "\\",
        "\0",
        "\x85",
        "é",
        "]]",
        "- ",
        "  ",
    ),
    *("null", "1e999", "[[package]]", "version", "@", "#", ";", "==", "../", "-r x", "%", "\ud800"),
]

Change = Tuple[float, float, str]


def damaged(text: str, changes: List[Change]) -> str:
    for start, length, piece in changes:
        begin = int(start * len(text))
        end = begin + int(length * length * length * (len(text) - begin))
        text = text[:begin] + piece + text[end:]
    return text


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.sampled_from(PIECES)), min_size=1, max_size=4),
    st.sampled_from([None, None, *kinds.KINDS]),
)
def test_damaged_files_end_in_an_answer_or_one_message(
    file: Tuple[str, str], changes: List[Change], kind: Optional[kinds.Kind]
) -> None:
    path, text = file
    name = path.rpartition("/")[2]
    kind = kind or kinds.named(name) or kinds.BY_NAME["requirements"]
    if kind.name == "conda-meta":
        return
    source = Source(name, damaged(text, changes), str(corpus.FOLDER / path.partition("/")[0]), str(corpus.FOLDER))
    try:
        found = kind.read(source)
    except ManifestError as error:
        message = str(error)
        assert message.startswith(name)
        assert "\n" not in message
        assert len(message) < 500
        return
    for one in found.unread:
        assert "\n" not in one.reason
        assert len(one.reason) < 500
    whole = targets.pinned(found) or found if found.demands else found
    for inventory in targets.inventories(whole, name):
        for project, item in inventory.distributions.items():
            assert project == item.project
            assert item.locations


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.5), st.sampled_from(PIECES)), max_size=3),
    st.sampled_from(["--strict", "--allowed"]),
)
def test_the_command_ends_as_documented(file: Tuple[str, str], changes: List[Change], option: str) -> None:
    path, text = file
    out, err = io.StringIO(), io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        place = os.path.join(folder, path.rpartition("/")[2])
        with open(place, "wb") as written:
            written.write(damaged(text, changes).encode("utf-8", "surrogatepass"))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main(["check", option, place])
    assert code in (cli.CLEAN, cli.FINDINGS, cli.ERROR, cli.NOTHING)
    assert "internal error" not in err.getvalue()
    assert bool(out.getvalue()) == (code in (cli.CLEAN, cli.FINDINGS))
