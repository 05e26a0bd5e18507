"""The old file or the new one, and nothing between; and never over what somebody else wrote."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest

from compatshim.edit import write
from compatshim.edit.moves import EditError

resource = pytest.importorskip("resource")  # of POSIX alone, as are the signals
OLD, NEW = "old==1\n", "new==2\n"
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_bytes(OLD.encode())
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def git(folder: Path, *argv: str) -> None:
    own = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *own, *argv], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_new_text_takes_the_place_of_the_old(file: Path, mark: bytes) -> None:
    file.write_bytes(mark + "# é\r\n".encode())
    found = write.read(str(file))
    assert found.text == "# é\r\n"
    write.replace(found, "# é\r\nb\r\n")
    assert file.read_bytes() == mark + "# é\r\nb\r\n".encode()
    assert names(file.parent) == ["requirements.txt"]


def test_utf_16_stays_utf_16(file: Path) -> None:
    file.write_bytes(b"\xff\xfe" + "a==1\n".encode("utf-16-le"))
    write.replace(write.read(str(file)), NEW)
    assert file.read_bytes() == b"\xff\xfe" + NEW.encode("utf-16-le")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o755])
def test_the_mode_stays(file: Path, mode: int) -> None:
    file.chmod(mode)
    before = os.umask(0o077)
    try:
        write.replace(write.read(str(file)), NEW)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == mode


@pytest.mark.skipif(not ROOT, reason="only root may give files away")
def test_the_owner_stays(file: Path) -> None:
    os.chown(file, 12345, 23456)
    write.replace(write.read(str(file)), NEW)
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 23456)


def test_the_time_is_that_of_the_edit(file: Path) -> None:
    os.utime(file, (1, 1))
    write.replace(write.read(str(file)), NEW)
    assert time.time() - file.stat().st_mtime < 100


def test_a_link_goes_on_to_lead_to_the_file(file: Path) -> None:
    link = file.parent / "link" / "r.txt"
    link.parent.mkdir()
    link.symlink_to(Path("..") / "requirements.txt")
    write.replace(write.read(str(link)), NEW)
    assert link.is_symlink()
    assert not file.is_symlink()
    assert file.read_text() == NEW
    assert names(link.parent) == ["r.txt"]


def test_what_somebody_else_wrote_meanwhile_stays(file: Path) -> None:
    found = write.read(str(file))
    file.write_bytes(b"theirs==3\n")
    with pytest.raises(EditError, match="somebody else"):
        write.replace(found, NEW)
    assert file.read_bytes() == b"theirs==3\n"
    file.unlink()
    with pytest.raises(FileNotFoundError):
        write.replace(found, NEW)
    assert names(file.parent) == []


def test_other_names_of_a_file_are_said(file: Path) -> None:
    os.link(file, file.parent / "other.txt")
    assert "hard links" in (write.why_not(write.read(str(file)), dirty=True) or "")


NOBODY = 65534


def as_somebody(action: Callable[[], str]) -> str:
    """What an action says when it is done by a user who may do less than root."""
    if not ROOT:
        return action()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = "broke"
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            said = action()
        finally:
            os.write(writing, said.encode())
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading, encoding="utf-8") as pipe:
        return pipe.read()


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A file in a folder that everybody may reach and write to."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "requirements.txt"
        path.parent.chmod(0o777)
        path.write_text(OLD)
        path.chmod(0o666)
        yield path


def test_what_may_not_be_written_is_said(open_to_all: Path) -> None:
    found = write.read(str(open_to_all))
    open_to_all.chmod(0o444)
    assert "may not be written" in as_somebody(lambda: write.why_not(found, dirty=True) or "")
    open_to_all.chmod(0o666)
    open_to_all.parent.chmod(0o555)
    assert "cannot be replaced" in as_somebody(lambda: write.why_not(found, dirty=True) or "")
    open_to_all.parent.chmod(0o777)
    assert as_somebody(lambda: write.why_not(found, dirty=True) or "") == ""


@pytest.mark.skipif(not ROOT, reason="only root has files that others may write and not own")
def test_what_belongs_to_others_goes_on_to_belong_to_them(open_to_all: Path) -> None:
    def replaced() -> str:
        try:
            write.replace(write.read(str(open_to_all)), NEW)
        except EditError as error:
            return str(error)
        return ""

    assert f"belongs to 0:{open_to_all.stat().st_gid}" in as_somebody(replaced)
    assert open_to_all.read_text() == OLD
    assert names(open_to_all.parent) == ["requirements.txt"]


class TestGit:
    @pytest.fixture
    def repository(self, file: Path) -> Path:
        git(file.parent, "init", "-q")
        return file

    def test_what_no_repository_has_may_be_edited(self, file: Path) -> None:
        assert write.why_not(write.read(str(file)), dirty=False) is None

    def test_what_is_committed_may_be_edited(self, repository: Path) -> None:
        git(repository.parent, "add", ".")
        git(repository.parent, "commit", "-qm", "a")
        assert write.why_not(write.read(str(repository)), dirty=False) is None

    @pytest.mark.parametrize("staged", [True, False])
    def test_what_is_not_committed_is_said(self, repository: Path, staged: bool) -> None:
        git(repository.parent, "add", ".")
        git(repository.parent, "commit", "-qm", "a")
        repository.write_text("mine==1\n")
        if staged:
            git(repository.parent, "add", ".")
        found = write.read(str(repository))
        assert "--allow-dirty" in (write.why_not(found, dirty=False) or "")
        assert write.why_not(found, dirty=True) is None

    def test_what_is_new_is_said_and_what_is_ignored_is_not(self, repository: Path) -> None:
        found = write.read(str(repository))
        assert "is not in git yet" in (write.why_not(found, dirty=False) or "")
        (repository.parent / ".gitignore").write_text("*.txt\n")
        assert write.why_not(found, dirty=False) is None

    def test_another_file_that_is_dirty_does_not_matter(self, repository: Path) -> None:
        git(repository.parent, "add", ".")
        git(repository.parent, "commit", "-qm", "a")
        (repository.parent / "other.txt").write_text("a")
        assert write.why_not(write.read(str(repository)), dirty=False) is None

    def test_without_git_nobody_can_tell(self, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(repository.parent))
        assert "no git to ask" in (write.why_not(write.read(str(repository)), dirty=False) or "")


PROGRAM = """
import os, sys
from compatshim.edit import write
path, text = sys.argv[1:3]
found = write.read(path)
{before}
write.replace(found, text * int(sys.argv[3]))
"""


def run(path: Path, before: str = "", times: int = 1, **popen: object) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", PROGRAM.format(before=before), str(path), NEW, str(times)]
    return subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **popen)  # type: ignore[call-overload, no-any-return]  # what options there are is not told


def whole(path: Path) -> bool:
    """Whether a file is the old or the new one."""
    return path.read_text() in (OLD, NEW)


@pytest.mark.parametrize("point", ["fsync", "replace", "chmod", "utime"])
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_point_it_is_the_old_file_or_the_new_one(file: Path, point: str, after: bool) -> None:
    call = "own(*a, **k)" if after else "pass"
    dying = f"def dying(*a, **k):\n    {call}\n    os.kill(os.getpid(), 9)"
    process = run(file, f"own = os.{point}\n{dying}\nos.{point} = dying")
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert file.read_text() == (NEW if point == "replace" and after else OLD)


def test_killed_at_any_time_it_is_the_old_file_or_the_new_one(file: Path) -> None:
    turns = "[text, 'old==1\\n'][n % 2]"
    loop = f"print(flush=True)\nfor n in range(10 ** 9):\n    write.replace(write.read(path), {turns})"
    for number in range(8):
        process = run(file, loop)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.01 * number)
        process.kill()
        process.communicate(timeout=60)
        assert whole(file)


def test_interrupted_it_leaves_nothing_behind(file: Path) -> None:
    before = "def pressed(*a): raise KeyboardInterrupt\nos.fsync = pressed"
    process = run(file, before)
    _, said = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in said
    assert file.read_text() == OLD
    assert names(file.parent) == ["requirements.txt"]


def test_a_full_disk_leaves_the_old_file(file: Path) -> None:
    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    process = run(file, times=10_000, preexec_fn=limited)
    _, said = process.communicate(timeout=60)
    assert "File too large" in said
    assert file.read_text() == OLD
    assert names(file.parent) == ["requirements.txt"]


@pytest.mark.skipif(not ROOT or sys.platform != "linux", reason="only root may mount")
def test_a_really_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        file = tmp_path / "requirements.txt"
        file.write_text(OLD)
        (tmp_path / "other").write_bytes(b"a" * 40_000)
        process = run(file, times=10_000)
        _, said = process.communicate(timeout=60)
        assert "No space left" in said
        assert file.read_text() == OLD
        assert names(tmp_path) == ["other", "requirements.txt"]
    finally:
        subprocess.run(["umount", tmp_path], check=True)
