"""What is seen of real folders, and what the checks make of that: mounts, modes, lists, other users, locks."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import List

import pytest
from packaging.version import Version

from compatshim.caches import host
from compatshim.doctor import access, flock, lockfiles, walk
from compatshim.doctor.checks.locks import _SOFT_WORKS
from compatshim.doctor.facts import TEMPORARY
from tests.doctor.support import ANNE, BEN, NOBODY, TEAM, acl, as_root, doctor, mounted, posix, see, told, umask

pytestmark = posix


def names(folder: Path) -> List[str]:
    return sorted(name for _, _, files in os.walk(folder) for name in files)


LISTED = acl((1, 7, NOBODY), (2, 7, BEN), (4, 5, NOBODY), (0x10, 7, NOBODY), (0x20, 5, NOBODY))


def bens_lock(cache: Path) -> Path:
    """A lock file of his in a cache that he shares with his team."""
    cache.mkdir()
    lock = cache / "x y.lock"
    lock.write_text("")
    for path in (cache, lock):
        os.chown(path, BEN, TEAM)
    cache.chmod(0o2775)  # which a new owner may take away
    return lock


class TestPlaces:
    def test_a_folder_of_ones_own(self, place: Path) -> None:
        place.chmod(0o700)
        (seen,) = see(place).folders
        assert told(place) == {}
        assert (seen.exists, seen.mode, seen.flock, seen.refused) == (True, 0o700, "excludes", "")
        assert seen.mount is not None
        assert seen.space is not None
        assert abs(seen.made.drift if seen.made else 99) < 2
        assert names(place) == []

    def test_one_that_is_not_there_yet(self, place: Path) -> None:
        (seen,) = see(place / "a" / "b").folders
        assert (seen.exists, seen.real, seen.flock, seen.made) == (False, str(place), "excludes", None)
        assert told(place / "a" / "b") == {}
        assert names(place) == []

    def test_a_file_in_its_place(self, place: Path) -> None:
        (place / "file").write_text("")
        assert told(place / "file")["CACHE-FOLDER"].severity == "error"
        assert f"{place / 'file'} is one" in told(place / "file" / "below")["CACHE-FOLDER"].message

    def test_a_link_to_nowhere(self, place: Path) -> None:
        (place / "link").symlink_to(place / "nothing")
        assert "a link to nowhere" in told(place / "link")["CACHE-FOLDER"].message

    def test_a_link_is_followed(self, place: Path) -> None:
        (place / "real").mkdir()
        (place / "link").symlink_to("real")
        (seen,) = see(place / "link").folders
        assert (seen.exists, seen.real) == (True, str(place / "real"))

    @as_root
    def test_another_users(self, place: Path) -> None:
        (place / "his").mkdir(mode=0o755)
        os.chown(place / "his", BEN, BEN)
        found = told(place / "his", user=(ANNE, ANNE))
        assert found["CACHE-WRITE"].severity == "error"
        assert "permission denied (EACCES)" in found["CACHE-WRITE"].message
        assert told(place / "his" / "new", user=(ANNE, ANNE))["CACHE-FOLDER"].command.startswith("export ")

    @as_root
    def test_a_group_that_one_is_not_in(self, place: Path) -> None:
        (place / "ours").mkdir()
        os.chown(place / "ours", BEN, TEAM)
        (place / "ours").chmod(0o2770)
        found = told(place / "ours", user=(ANNE, ANNE))["CACHE-WRITE"]
        assert (found.command, found.who) == (f"usermod --append --groups {TEAM} {ANNE}", "root")


@as_root
class TestMounts:
    def test_read_only(self, place: Path) -> None:
        (place / "real").mkdir()
        with mounted(place / "seen", "mount", "--bind", str(place / "real")) as cache:
            subprocess.run(["mount", "-o", "remount,bind,ro", str(cache)], check=True)
            found = told(cache)
            assert set(found) == {"CACHE-READ-ONLY"}
            assert told(cache / "new")["CACHE-READ-ONLY"].severity == "error"
        assert "CACHE-READ-ONLY" not in told(place / "real")

    def test_few_inodes(self, place: Path) -> None:
        with mounted(
            place / "small", "mount", "-t", "tmpfs", "-o", "size=2g,nr_inodes=20,mode=700", "none"
        ) as cache:
            assert set(told(cache)) == {"CACHE-INODES"}
            with contextlib.suppress(OSError):
                for number in range(30):
                    (cache / str(number)).write_text("")
            found = told(cache)
            assert set(found) == {"CACHE-INODES"}
            assert "0 more files" in found["CACHE-INODES"].message

    def test_no_space(self, place: Path) -> None:
        with mounted(place / "small", "mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none") as cache:
            assert told(cache)["CACHE-SPACE"].severity == "error"
            with contextlib.suppress(OSError):
                (cache / "full").write_bytes(bytes(1 << 20))
            assert "nothing could be written" in told(cache)["CACHE-SPACE"].message

    def test_overlay(self, place: Path) -> None:
        for name in ("lower", "upper", "work"):
            (place / name).mkdir()
        (place / "lower" / "a.lock").write_text("")
        with mounted(place / "tmp", "mount", "-t", "tmpfs", "none") as base:
            for name in ("upper", "work"):
                (base / name).mkdir()
            options = f"lowerdir={place}/lower,upperdir={base}/upper,workdir={base}/work"
            with mounted(place / "over", "mount", "-t", "overlay", "-o", options, "none") as cache:
                (seen,) = see(cache).folders
                assert seen.mount is not None
                assert (seen.mount.type, seen.mount.reach, seen.flock) == ("overlay", "local", "excludes")
                assert [one.path for one in seen.leftovers.files] == [str(cache / "a.lock")]  # type: ignore[union-attr]  # they were looked for

    def test_fuse(self, place: Path) -> None:
        (place / "real").mkdir()
        with mounted(place / "seen", "bindfs", str(place / "real")) as cache:
            (seen,) = see(cache).folders
            assert seen.mount is not None
            assert (seen.mount.reach, seen.flock) == ("network", "excludes")


class TestPermissions:
    @as_root
    def test_setgid(self, place: Path) -> None:
        cache = place / "ours"
        cache.mkdir()
        os.chown(cache, ANNE, TEAM)
        cache.chmod(0o775)
        user = (ANNE, ANNE, TEAM)
        with umask(0o002):
            found = told(cache, user=user)
            assert {name: one.severity for name, one in found.items()} == {
                "CACHE-GROUP": "warning", "CACHE-MODE": "warning",
            }  # fmt: skip
            subprocess.run(found["CACHE-GROUP"].command, shell=True, check=True)  # noqa: S602  it is for a shell
            assert cache.stat().st_mode & 0o2000
            assert told(cache, user=user) == {}
        with umask(0o022):
            found = told(cache, user=user)
            assert found["CACHE-UMASK"].command == "umask 002"
            assert "new files get the mode 0644" in found["CACHE-UMASK"].message

    @as_root
    def test_lists(self, place: Path) -> None:
        cache = place / "listed"
        cache.mkdir(mode=0o755)
        os.chown(cache, ANNE, ANNE)
        try:
            os.setxattr(cache, "system.posix_acl_access", LISTED)
        except OSError as error:
            pytest.skip(f"no access control lists here ({error}): not run")
        found = told(cache, user=(ANNE, ANNE))
        assert f"user:{BEN}:rwx" in found["CACHE-ACL"].message
        # What `setfacl -d` would do, which is not everywhere.
        os.setxattr(cache, "system.posix_acl_default", LISTED)
        assert "CACHE-ACL" not in told(cache, user=(ANNE, ANNE))
        (seen,) = see(cache).folders
        assert seen.acl is not None
        assert seen.acl.default == ("user::rwx", f"user:{BEN}:rwx", "group::r-x", "mask::rwx", "other::r-x")
        if shutil.which("setfacl"):
            os.removexattr(cache, "system.posix_acl_default")
            subprocess.run(found["CACHE-ACL"].command, shell=True, check=True)  # noqa: S602  likewise
            assert see(cache).folders[0].acl == seen.acl

    @pytest.mark.parametrize("data", [b"", b"\1\0\0\0", LISTED[:-1], acl((0x40, 7, 0))])
    def test_lists_of_unknown_form(self, data: bytes) -> None:
        with pytest.raises(access.UnreadableError):
            access.entries(data)

    @as_root
    def test_what_root_left(self, place: Path) -> None:
        cache = place / "mine"
        cache.mkdir(mode=0o755)
        os.chown(cache, ANNE, ANNE)
        (cache / "made-in-a-container").mkdir()
        assert set(told(cache, user=(ANNE, ANNE))) == {"CACHE-OWNER"}

    @as_root
    def test_lock_files_of_others(self, place: Path) -> None:
        cache = place / "ours"
        with umask(0o022):
            bens_lock(cache)
        user = (ANNE, ANNE, TEAM)
        with umask(0o002):
            found = told(cache, user=user)
            assert set(found) == {"LOCK-ACCESS"}
            assert (found["LOCK-ACCESS"].severity, found["LOCK-ACCESS"].who) == ("error", str(BEN))
            subprocess.run(found["LOCK-ACCESS"].command, shell=True, check=True)  # noqa: S602  likewise
            assert told(cache, user=user) == {}

    @as_root
    def test_folders_of_others(self, place: Path) -> None:
        """As another user's umask leaves them; the mend does not hand on the wrong group."""
        cache = place / "our's"
        inner = cache / "his own"
        inner.mkdir(parents=True, mode=0o755)
        (inner / "deep").mkdir(mode=0o700)
        for path, group in ((cache, TEAM), (inner, BEN), (inner / "deep", TEAM)):
            os.chown(path, BEN, group)
        cache.chmod(0o2775)
        user = (ANNE, ANNE, TEAM)
        with umask(0o002):
            found = told(cache, user=user)
            assert set(found) == {"CACHE-INSIDE"}
            assert "in 2 folders of" in found["CACHE-INSIDE"].message
            assert found["CACHE-INSIDE"].who == str(BEN)
            subprocess.run(found["CACHE-INSIDE"].command, shell=True, check=True)  # noqa: S602  likewise
            assert told(cache, user=user) == {}
        assert (inner.stat().st_gid, inner.stat().st_mode & 0o7777) == (TEAM, 0o2775)

    @as_root
    def test_setgid_is_not_for_folders_of_another_group(self, place: Path) -> None:
        cache = place / "ours"
        (cache / "private").mkdir(parents=True)
        os.chown(cache / "private", ANNE, ANNE)
        os.chown(cache, ANNE, TEAM)
        cache.chmod(0o775)
        found = told(cache, user=(ANNE, ANNE, TEAM))["CACHE-GROUP"]
        subprocess.run(found.command, shell=True, check=True)  # noqa: S602  likewise
        assert cache.stat().st_mode & 0o2000
        assert not (cache / "private").stat().st_mode & 0o2000

    @as_root
    def test_a_list_that_shuts_the_group_out(self, place: Path) -> None:
        cache = place / "ours"
        lock = bens_lock(cache)
        listed = acl((1, 6, NOBODY), (2, 6, 61999), (4, 0, NOBODY), (0x10, 6, NOBODY), (0x20, 4, NOBODY))
        os.setxattr(lock, "system.posix_acl_access", listed)
        user = (ANNE, ANNE, TEAM)
        with umask(0o002):
            found = told(cache, user=user)["LOCK-ACCESS"]
            if shutil.which("setfacl"):
                subprocess.run(found.command, shell=True, check=True)  # noqa: S602  likewise
                assert told(cache, user=user) == {}


class TestLockFiles:
    def test_what_is_gone_while_it_is_looked_at(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """As a tool removes its lock files: the rest is looked at, and nothing is said of what is gone."""
        for number in range(20):
            (place / f"{number:02}.lock").write_text("")
        (place / "folder").mkdir()
        passed = walk.Walk(str(place))
        entries = iter(passed)
        seen = {next(entries)[0].name}
        gone = {path.name for path in place.iterdir() if path.name.endswith(("3.lock", "folder"))} - seen
        for name in gone:
            (place / name).rmdir() if name == "folder" else (place / name).unlink()
        seen |= {entry.name for entry, _ in entries}
        assert seen == {path.name for path in place.iterdir()} | (seen & gone)
        assert len(seen - gone) == 21 - len(gone)
        assert passed.complete
        # And between being looked at and being asked about.
        allowed = access.allowed

        def late(path: str, mode: int) -> bool:
            if path.endswith("5.lock"):
                os.unlink(path)
            return allowed(path, mode)

        monkeypatch.setattr(access, "allowed", late)
        assert told(place) == {}

    def test_soft_locks(self, place: Path) -> None:
        import socket

        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        (place / "dead.lock").write_text(f"{gone.pid}\n{socket.gethostname()}\n")
        (place / "live.lock").write_text(f"{os.getpid()}\n{socket.gethostname()}\n12345\n")
        (place / "other.lock").write_text("1\nno-such-host\n")
        (place / "no.lock").write_text("1 no-such-host")
        seen = {os.path.basename(one.path): one for one in see(place).folders[0].leftovers.files}  # type: ignore[union-attr]  # they were looked for
        assert {name: one.alive for name, one in seen.items()} == {
            "dead.lock": False, "live.lock": True, "other.lock": None, "no.lock": None,
        }  # fmt: skip
        assert seen["no.lock"].marker == ""
        found = told(place)["LOCK-SOFT"]
        assert found.severity == "note"  # the last of the two
        assert "no-such-host" in found.message

    @pytest.mark.parametrize(
        "name",
        [
            b"a\nCACHE-OK  error  forged", b"\xff\xfe", b"\x1b[31mred\x07", b"-n", b"'q\"", b"x" * 250,
            b"%s%cent\\n$(id)`id`",
            b"\n'%s\\012\"$(id)`id`1", "\u202egnp".encode(), "Grüße 日本".encode(),
        ],
    )  # fmt: skip
    def test_odd_names(self, place: Path, name: bytes) -> None:
        """The command is one line of text that can be copied, and means that file."""
        path = os.fsencode(place) + b"/" + name + b".lock"
        with open(path, "w", encoding="ascii") as file:
            file.write(f"999999999\n{host.name()}\n")
        found = told(place)["LOCK-SOFT"]
        assert found.command.isprintable()
        done = doctor("--cache", str(place))
        assert found.command in done.out
        assert all(one.isprintable() for one in done.out.splitlines())
        headings = [line.split()[0] for line in done.out.splitlines() if line[:1].strip()]
        # The cache, the finding, and the sum; no line of the name's own. Without filelock one thing is not checked.
        assert [one for one in headings if one != "not"] == ["any", "LOCK-SOFT", "1"]
        subprocess.run(found.command, shell=True, check=True)  # noqa: S602  it is for a shell
        assert not os.path.lexists(path)

    def test_nothing_is_locked_or_touched(self, place: Path) -> None:
        path = place / "held.lock"
        path.write_text("")
        os.utime(path, (1.0, 1.0))
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            see(place)
        assert (path.stat().st_mtime, path.stat().st_atime) == (1.0, 1.0)

    def test_limits(self, place: Path) -> None:
        for number in range(20):
            (place / f"{number}.lock").write_text("")
        (place / f"{TEMPORARY}x.lock").write_text("")
        passed = walk.Walk(str(place), entries=10)
        assert (len(list(passed)), passed.complete) in {(10, False), (9, False)}
        passed = walk.Walk(str(place))
        assert (len(list(passed)), passed.complete) == (20, True)
        passed = walk.Walk(str(place), seconds=-1)
        assert (list(passed), passed.complete) == ([], False)

    def test_links_and_pipes_are_none(self, place: Path) -> None:
        os.mkfifo(place / "a.lock")
        (place / "b.lock").symlink_to("/etc/passwd")
        (place / "c").symlink_to("/")
        survey = lockfiles.survey(see(place).folders[0], os.geteuid())
        assert (survey.files, survey.seen, survey.complete) == ((), 3, True)


FAKE = """
#include <errno.h>
#include <stdlib.h>
#include <string.h>
int flock(int descriptor, int operation) {
    const char *how = getenv("FAKE_FLOCK");
    if (strcmp(how, "shares") == 0) return 0;
    errno = strcmp(how, "ENOSYS") == 0 ? ENOSYS : strcmp(how, "ENOLCK") == 0 ? ENOLCK : EWOULDBLOCK;
    return -1;
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None or sys.platform != "linux":
        pytest.skip("replaces a function of the C library, with gcc, on Linux: not run")
    folder = tmp_path_factory.mktemp("fake")
    (folder / "fake.c").write_text(FAKE)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(folder / "fake.so"), str(folder / "fake.c")], check=True)
    return folder / "fake.so"


def soft_works() -> bool:
    """Whether the filelock that is installed, if any, can do without flock."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        return Version(metadata.version("filelock")) >= _SOFT_WORKS
    return False


class TestFlock:
    """No file system here fails in these ways: the C library's ``flock`` is replaced beneath both processes."""

    @pytest.mark.parametrize(
        ("how", "words"),
        [
            ("shares", "locks exclude nobody here"), ("ENOSYS", "ENOSYS"), ("ENOLCK", "ENOLCK"),
            ("stuck", "that nobody holds is refused"),
        ],
    )  # fmt: skip
    def test_ways_to_fail(self, library: Path, place: Path, how: str, words: str) -> None:
        severity = "warning" if how == "ENOSYS" and soft_works() else "error"
        done = doctor("--cache", str(place), "--fail-on", severity, LD_PRELOAD=str(library), FAKE_FLOCK=how)
        assert done.code == 1, done.err
        assert f"CACHE-FLOCK  {severity}" in done.out
        assert words in " ".join(done.out.split())
        assert names(place) == []

    def test_one_that_is_held_by_somebody_else(self, place: Path) -> None:
        path = place / "x"
        meter = flock.Meter()
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            assert meter.measure(str(path)) == flock.STUCK
        assert meter.measure(str(path)) == flock.EXCLUDES
        assert meter.measure(str(place / "missing")) == "ENOENT"
        meter.close()

    def test_no_answer(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(flock, "TIMEOUT", 0.3)
        monkeypatch.setattr(flock, "_PROGRAM", "import time; time.sleep(60)")
        meter = flock.Meter()
        began = time.monotonic()
        assert meter.measure(str(place / "x")) == flock.SILENT
        assert time.monotonic() - began < 5
        meter.close()
