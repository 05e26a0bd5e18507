"""Who holds a lock file, and who has one open: the kernel's own answers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Iterator, List

import pytest

from compatshim.caches import locks

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who uses a file: not run")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "a.lock").touch()
    fd = os.open(tmp_path, os.O_RDONLY)
    yield fd
    os.close(fd)


def test_held_once(folder: int) -> None:
    fd = locks.hold(folder, "a.lock")
    with pytest.raises(locks.InUseError):
        locks.hold(folder, "a.lock")
    os.close(fd)
    os.close(locks.hold(folder, "a.lock"))


def test_neither_truncated_nor_touched(folder: int, tmp_path: Path) -> None:
    (tmp_path / "a.lock").write_text("content")
    before = (tmp_path / "a.lock").stat()
    os.close(locks.hold(folder, "a.lock"))
    after = (tmp_path / "a.lock").stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ctime_ns) == (7, before.st_mtime_ns, before.st_ctime_ns)


def test_only_regular_files(folder: int, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "a.lock")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(locks.UnfitError, match="link is a symbolic link"):
        locks.hold(folder, "link")
    with pytest.raises(locks.UnfitError, match="pipe is no regular file"):
        locks.hold(folder, "pipe")
    with pytest.raises(FileNotFoundError):
        locks.hold(folder, "none")
    with pytest.raises(FileExistsError):
        locks.hold(folder, "a.lock", create=True)


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR, os.O_WRONLY])
def test_alone_with_a_file(folder: int, flags: int) -> None:
    fd = locks.hold(folder, "a.lock")
    assert locks.sole(fd) is True
    other = os.open("a.lock", flags, dir_fd=folder)
    assert locks.sole(fd) is False
    os.close(other)
    assert locks.sole(fd) is True
    os.close(fd)


def test_nobody_is_hurt_who_opens_it_meanwhile(folder: int, tmp_path: Path) -> None:
    """A lease that is broken sends a signal, which by default would end this process."""
    code = """
import sys, time
end, times = time.time() + 1, 0
while time.time() < end:
    open(sys.argv[1]).close()
    times += 1
print(times)
"""
    fd = locks.hold(folder, "a.lock")
    answers = set()
    with subprocess.Popen(
        [sys.executable, "-I", "-c", code, str(tmp_path / "a.lock")], stdout=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None:
            answers.add(locks.sole(fd))
        assert process.stdout is not None
        assert int(process.stdout.read()) > 1000
    os.close(fd)
    assert answers == {True, False}


def test_what_is_unlinked_is_held_until_nobody_has_it_open(folder: int) -> None:
    """As long as somebody may still lock what has no name any more."""
    fd = locks.hold(folder, "a.lock")
    late = os.open("a.lock", os.O_RDWR, dir_fd=folder)
    os.unlink("a.lock", dir_fd=folder)
    let_go: List[float] = []

    def close() -> None:
        let_go.append(time.monotonic())
        os.close(late)

    timer = threading.Timer(0.5, close)
    timer.start()
    with locks.Unlinked() as unlinked:
        unlinked.add(fd)
    ended = time.monotonic()
    timer.join()
    assert let_go
    assert ended >= let_go[0]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_a_folder_below(folder: int, tmp_path: Path) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "x")
    with locks.folder(folder, "x/y") as fd:
        assert os.path.samestat(os.fstat(fd), (tmp_path / "x" / "y").stat())
    for path in ("link/y", "none", "a.lock"):
        with pytest.raises(OSError, match=r"Not a directory|No such file|symbolic links"), locks.folder(
            folder, path
        ):
            pass
