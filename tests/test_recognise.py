from __future__ import annotations

from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compatshim import catalog
from compatshim.recognise import recognise

CATALOG = catalog.load()

FOUNDING = """\
Traceback (most recent call last):
  File "/app/metrics.py", line 12, in compute
    metric = evaluate.load("accuracy", num_process=2, process_id=rank)
  File "/venv/lib/python3.11/site-packages/evaluate/module.py", line 349, in _check_all_processes_locks
    raise ValueError(
ValueError: Expected to find locked file /tmp/x/default-2-0.arrow.lock from process 1 but it doesn't exist.
"""
POLL = "TypeError: BaseFileLock.acquire() got an unexpected keyword argument 'poll_interval'"


def ids(text: str) -> List[str]:
    return [advisory.id[-4:] for advisory in recognise(text, CATALOG)]


@pytest.mark.parametrize(
    "prefix", ["", "[rank1]: ", "[rank1]:", "[default0]:", "0: ", "[1,0]<stderr>:", "worker-1 | "]
)
def test_behind_the_prefix_of_a_rank(prefix: str) -> None:
    assert ids("".join(prefix + line for line in FOUNDING.splitlines(keepends=True))) == ["0001"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (POLL, ["0003", "0035"]),
        (f"builtins.{POLL}", ["0003", "0035"]),
        (f"torch.multiprocessing.spawn.ProcessRaisedException: {POLL}", ["0003", "0035"]),
        (f"ERROR:root:{POLL}", ["0003", "0035"]),
        (f"'{POLL}'", ["0003", "0035"]),
        ("TypeError(\"acquire() got an unexpected keyword argument 'poll_interval'\")", ["0003", "0035"]),
        (POLL.replace("TypeError", "\x1b[1;35mTypeError\x1b[0m"), ["0003", "0035"]),
        (POLL.replace("poll_interval", "mode"), ["0004"]),
        ("PermissionError: [Errno 13] Permission denied: '/cache/x.lock'", ["0002"]),
        (f"{FOUNDING}\n{POLL}", ["0001", "0003", "0035"]),
        (f"{FOUNDING * 100}", ["0001"]),
        (FOUNDING.replace("\n", "\r\n"), ["0001"]),
        # Another exception, another message, the one here and the other there.
        ("", []),
        ("KeyError: 'Expected to find locked file'", []),
        ("MyValueError: Expected to find locked file", []),
        ("ValueErrors: Expected to find locked file", []),
        ("ValueError: something else", []),
        ("ValueError: x\nExpected to find locked file", []),
        ("no ValueError, Expected to find locked file", []),
        ("Everything is fine.", []),
    ],
)
def test_text(text: str, found: List[str]) -> None:
    assert ids(text) == found


@given(before=st.text(), after=st.text())
def test_in_any_company(before: str, after: str) -> None:
    assert "0001" in ids(f"{before}\n{FOUNDING}{after}")


def test_every_advisory_that_can_be_detected_is() -> None:
    for advisory in CATALOG.advisories:
        for detect in advisory.detect:
            assert advisory in recognise(f"{detect.exception}: before {detect.message} after", CATALOG)
