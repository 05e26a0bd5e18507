"""Each check on facts: what is well says nothing, what is not names itself, its place and what mends it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from compatshim.caches.mounts import Mount
from compatshim.doctor import checks, facts, findings
from compatshim.doctor.facts import Acl, Closed, Folder, Job, LockFile, Made, Seen, Sight
from tests.doctor.support import ANNE, BEN, HEALTHY, ME, SHARED, TEAM, VERSIONS, found, judged, only

LOCK = LockFile("/cache/a.lock", 0o644, BEN, BEN, 100.0, opens=True)
CLOSED = Closed("/cache/x", 0o755, BEN, BEN)
NFS = Mount("/cache", "nfs4", "server:/x", read_only=False, options=("rw", "vers=4.2"))


def folder(**changes: Any) -> Folder:
    return HEALTHY._replace(**changes)


def shared(**changes: Any) -> Folder:
    return SHARED._replace(**changes)


def with_locks(seen: Folder, *files: LockFile) -> Folder:
    assert seen.leftovers is not None
    return seen._replace(leftovers=seen.leftovers._replace(files=files))


def with_closed(seen: Folder, *folders: Closed) -> Folder:
    assert seen.leftovers is not None
    return seen._replace(leftovers=seen.leftovers._replace(closed=folders))


assert HEALTHY.space is not None
assert HEALTHY.leftovers is not None

# What is wrong with a folder, and what is said: check, severity, words of the message, and the command.
FOLDERS: List[Tuple[Folder, str, str, str, str]] = [
    (folder(exists=False, refused="EACCES"), "CACHE-FOLDER", "error", "cannot be made: permission denied", "export"),
    (folder(kind="file"), "CACHE-FOLDER", "error", "a file is where a folder must be", "export HF_DATASETS_CACHE="),
    (folder(refused="EACCES", made=None), "CACHE-WRITE", "error", "no file can be made", "chmod u+rwx /cache"),
    (folder(refused="EACCES", made=None, name="hub"), "CACHE-WRITE", "warning", "may be read", "chmod u+rwx /cache"),
    (
        shared(refused="EACCES", made=None, gid=77, group="other"), "CACHE-WRITE", "error",
        "it is for the group other, which anne is not in", "usermod --append --groups other anne",
    ),
    (folder(refused="EROFS", made=None), "CACHE-READ-ONLY", "error", "read-only", "export HF_DATASETS_CACHE="),
    (folder(mount=NFS._replace(read_only=True), name="hub"), "CACHE-READ-ONLY", "warning", "nfs4", "export"),
    (folder(made=Made(0o644, ANNE, ANNE, -9.0)), "CACHE-CLOCK", "warning", "9.0 s behind", "timedatectl set-ntp true"),
    (
        shared(mode=0o775, made=Made(0o664, ANNE, ANNE, 0)), "CACHE-GROUP", "warning", "has no setgid bit",
        "find /cache -type d -group team -user ben -exec chmod g+s '{}' +",
    ),
    (shared(mode=0o775), "CACHE-GROUP", "note", "has no setgid bit", "find /cache"),
    (shared(made=Made(0o644, ANNE, TEAM, 0)), "CACHE-UMASK", "warning", "the umask is 022", "umask 002"),
    (
        shared(
            made=Made(0o640, ANNE, TEAM, 0),
            acl=Acl(("user::rwx", "group::rwx", "other::r-x"), ("user::rwx", "group::r--", "other::---")),
        ),
        "CACHE-UMASK", "warning", "default access control list says so", "setfacl -R -d -m g::rwX,m::rwX /cache",
    ),
    (
        folder(acl=Acl(("user::rwx", "user:61002:rwx", "group::r-x", "mask::rwx", "other::r-x"))), "CACHE-ACL",
        "warning", "user:61002:rwx",
        "setfacl -R -d -m user::rwx,user:61002:rwx,group::r-x,mask::rwx,other::r-x /cache",
    ),
    (folder(owned_by=(ANNE, 61003)), "CACHE-OWNER", "warning", "61003's", "chown -R anne:anne /cache"),
    (
        shared(leftovers=HEALTHY.leftovers._replace(unshared=3)), "CACHE-MODE", "warning", "3 files and folders",
        "python -m compatshim doctor --cache /cache --fix-permissions",
    ),
    (folder(space=HEALTHY.space._replace(free=1 << 20)), "CACHE-SPACE", "error", "1.0 MiB of", "compatshim clean"),
    (folder(space=HEALTHY.space._replace(free=1 << 29)), "CACHE-SPACE", "warning", "512.0 MiB", "compatshim clean"),
    (folder(refused="EDQUOT", made=None), "CACHE-SPACE", "error", "quota exceeded", "compatshim clean --cache /cache"),
    (folder(space=HEALTHY.space._replace(inodes=9)), "CACHE-INODES", "error", "9 more files", "compatshim clean"),
    (folder(space=HEALTHY.space._replace(name_max=143)), "CACHE-NAMES", "warning", "at most 143 bytes", "HASHSEED=0"),
    (folder(long_name="ENAMETOOLONG"), "CACHE-NAMES", "warning", "255 bytes", "PYTHONHASHSEED=0"),
    (folder(flock="shares"), "CACHE-FLOCK", "error", "exclude nobody", "${TMPDIR:-/tmp}/huggingface-$(id -un)"),
    (folder(flock="stuck"), "CACHE-FLOCK", "error", "that nobody holds is refused", "export"),
    (folder(flock="silent"), "CACHE-FLOCK", "error", "did not answer", "export"),
    (folder(flock="ENOLCK"), "CACHE-FLOCK", "error", "no locks available (ENOLCK); filelock 4.2.11 raises", "export"),
    (folder(flock="ENOSYS"), "CACHE-FLOCK", "warning", "soft locks", "export"),
    (
        folder(mount=NFS._replace(options=("rw", "local_lock=all", "addr=1.2.3.4"))), "CACHE-MOUNT", "warning",
        "local_lock=all", "umount /cache && mount -t nfs4 -o rw,local_lock=none server:/x /cache",
    ),
    (
        folder(mount=Mount("/l", "lustre", "m:/l", read_only=False, options=("rw", "localflock"))), "CACHE-MOUNT",
        "warning", "localflock", "umount /l && mount -t lustre -o rw,flock m:/l /l",
    ),
    (
        with_locks(HEALTHY, LOCK._replace(opens=False)), "LOCK-ACCESS", "error", "a.lock", "-exec chmod a+rw '{}' +",
    ),
    (
        with_locks(SHARED, LOCK._replace(opens=False)), "LOCK-ACCESS", "error", "PermissionError",
        "-exec chgrp team '{}' + -exec chmod g+rw '{}' +",
    ),
    (
        with_locks(SHARED, LOCK._replace(opens=False, gid=TEAM)), "LOCK-ACCESS", "error", "mode 0644",
        "find /cache '(' -name '*.lock' -o -name '*.incomplete' ')' -user 61002 -exec chmod g+rw '{}' +",
    ),
    (
        with_locks(SHARED, LOCK._replace(opens=False, gid=TEAM, mode=0o664)), "LOCK-ACCESS", "error", "mode 0664",
        "-exec setfacl -m u:anne:rw '{}' +",
    ),
    (
        with_closed(SHARED, CLOSED), "CACHE-INSIDE", "warning", "in 1 folder of 61002 (mode 0755) no files can be made by anne: x",
        "find /cache -type d -user 61002 -exec chgrp team '{}' + -exec chmod g+rwxs '{}' +",
    ),
    (
        with_closed(SHARED, CLOSED._replace(gid=TEAM)), "CACHE-INSIDE", "warning", "PermissionError",
        "find /cache -type d -user 61002 -exec chmod g+rwxs '{}' +",
    ),
    (
        with_closed(shared(mode=0o1777, gid=BEN, group="ben", made=Made(0o666, ANNE, BEN, 0)), CLOSED),
        "CACHE-INSIDE", "warning", "", "-exec chmod a+rwx '{}' +",
    ),
    (with_closed(HEALTHY, CLOSED), "CACHE-OWNER", "warning", "61002's", "chown -R anne:anne /cache"),
    (
        with_locks(HEALTHY, LOCK._replace(path="/cache/b c.lock", marker="process 7 on one", alive=False)),
        "LOCK-SOFT", "error", "process 7 on one", "rm -- '/cache/b c.lock'",
    ),
    (with_locks(HEALTHY, LOCK._replace(marker="process 7 on two")), "LOCK-SOFT", "note", "process 7 on two", ""),
    (
        with_locks(HEALTHY, *[LOCK._replace(path=f"/cache/{n}.lock", age=1e6) for n in range(1000)]), "LOCK-MANY",
        "note", "1000 lock files", "compatshim clean --cache /cache",
    ),
]  # fmt: skip


def test_nothing_is_wrong() -> None:
    report = judged(HEALTHY, SHARED._replace(path="/shared"), folder(path="/new", exists=False, made=None))
    assert (report.findings, report.unseen) == ((), ())
    assert report.checked == 3 * len(findings.FOLDER) + len(findings.JOB)


@pytest.mark.parametrize(
    ("seen", "check", "severity", "words", "mends"), FOLDERS, ids=[f"{one[1]}-{n}" for n, one in enumerate(FOLDERS)]
)
def test_a_folder(seen: Folder, check: str, severity: str, words: str, mends: str) -> None:
    finding = only(judged(seen))
    assert (finding.check, finding.severity, finding.path) == (check, severity, "/cache")
    assert words in finding.message
    assert mends in finding.command
    assert bool(mends) == bool(finding.command)
    shlex.split(finding.command, comments=True)


@pytest.mark.parametrize(
    ("name", "path", "told", "command"),
    [
        ("hub", "/c", "HUGGINGFACE_HUB_CACHE", 'HF_HUB_CACHE="$HOME/.cache/huggingface/hub"'),
        ("hub-2", "/c", "TRANSFORMERS_CACHE", 'TRANSFORMERS_CACHE="$HOME/.cache/huggingface/hub"'),
        (
            "downloads", "/c", "HF_DATASETS_DOWNLOADED_DATASETS_PATH",
            'HF_DATASETS_DOWNLOADED_DATASETS_PATH="$HOME/.cache/huggingface/downloads"',
        ),
        ("any", "/c", "--cache", 'HF_HOME="$HOME/.cache/huggingface"'),
        # A home that is read-only is so everywhere.
        ("datasets", "/home/a/hf", "HF_DATASETS_CACHE", 'HF_DATASETS_CACHE="${TMPDIR:-/tmp}/huggingface-$(id -un)/datasets"'),
    ],
)  # fmt: skip
def test_where_else(monkeypatch: pytest.MonkeyPatch, name: str, path: str, told: str, command: str) -> None:
    """The variable that moves this cache, and a place that is another one."""
    monkeypatch.setenv("HOME", "/home/a")
    monkeypatch.setenv("USERPROFILE", "/home/a")
    seen = folder(name=name, path=path, told=told, refused="EROFS", made=None)
    assert only(judged(seen)).command == f"export {command}"


def test_every_check_of_folders_can_find_something() -> None:
    checks.load()
    here = {one[1] for one in FOLDERS} | {"CACHE-STICKY", "FILELOCK-MODE", "LOCK-MAKER"}  # below
    assert {check.id for check in findings.FOLDER} == here


def test_ids_are_unique_and_tell_what_they_ask() -> None:
    checks.load()
    ids = [check.id for check in (*findings.FOLDER, *findings.JOB)]
    assert len(ids) == len({*ids})
    assert all(check.about.endswith((".", "?", ")")) for check in (*findings.FOLDER, *findings.JOB))


def test_the_page_tells_of_every_check() -> None:
    checks.load()
    page = (Path(__file__).parents[2] / "docs" / "caches.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`((?:CACHE|LOCK|FILELOCK|JOB)-[A-Z-]+)`", page))
    assert told == {check.id for check in (*findings.FOLDER, *findings.JOB)}


def test_whose_command_it_is() -> None:
    seen = shared(mode=0o775)
    assert only(judged(seen)).who == "ben"
    assert only(judged(seen, uid=BEN)).who == ""
    assert only(judged(seen, uid=0)).who == ""


def test_a_group_of_the_owners_own_is_not_shared() -> None:
    assert judged(folder(mode=0o775, made=Made(0o644, ANNE, ANNE, 0.0))).findings == ()


def test_sticky() -> None:
    seen = folder(mode=0o1777, made=Made(0o666, ANNE, ANNE, 0.0))
    assert judged(seen).findings == ()
    assert only(judged(seen, protected_regular=True)).command == "chmod -t /cache"


@pytest.mark.parametrize(
    ("filelock", "words"),
    [
        ("", "before 4.1.0"), ("3.9.0", "waits for ever"), ("3.10.5", "NotImplementedError"),
        ("3.23.0", "NotImplementedError"), ("3.24.0", "exclude nobody"), ("4.0.12", "exclude nobody"),
    ],
)  # fmt: skip
def test_without_flock(filelock: str, words: str) -> None:
    finding = only(judged(folder(flock="ENOSYS"), versions={"filelock": filelock} if filelock else {}))
    assert words in finding.message
    assert finding.command == "/env/bin/python -m pip install 'filelock>=4.1.0'"


@pytest.mark.parametrize(
    ("name", "versions", "bad"),
    [
        ("hub", {"filelock": "3.9.1", "huggingface-hub": "0.36.2"}, False),
        ("hub", {"filelock": "3.10.0", "huggingface-hub": "0.36.2"}, True),
        ("hub", {"filelock": "3.23.0", "huggingface-hub": "0.36.2"}, True),
        ("hub", {"filelock": "3.24.0", "huggingface-hub": "0.36.2"}, False),
        ("hub", {"filelock": "3.20.0", "huggingface-hub": "1.4.0"}, False),
        ("datasets", {"filelock": "3.20.0", "datasets": "2.16.1"}, True),
        ("datasets", {"filelock": "3.20.0", "datasets": "2.17.0"}, False),
        ("datasets", {"filelock": "3.20.0", "datasets": "2.15.0"}, False),
    ],
)
def test_modes_that_filelock_makes(name: str, versions: Dict[str, str], bad: bool) -> None:
    report = judged(shared(name=name), versions=versions)
    assert found(report) == ([("FILELOCK-MODE", "warning")] if bad else [])


@pytest.mark.parametrize(
    ("own", "other", "bad"),
    [
        ("3.20.3", "3.20.4", True), ("3.9.0", "3.29.4", True), ("3.20.4", "3.9.0", True),
        ("3.20.3", "3.29.5", False), ("3.20.3", "3.9.0", False), ("3.29.4", "3.29.5", False),
        ("3.24.0", "", False), ("unknown", "3.24.0", False),
    ],
)  # fmt: skip
def test_mixed_releases(own: str, other: str, bad: bool) -> None:
    report = judged(versions={"filelock": own}, others={"/old env/python": {"filelock": other}})
    assert found(report) == ([("FILELOCK-MIXED", "error")] if bad else [])
    if bad:
        removing = "/env/bin/python" if own > "3.20.3" and own != "3.9.0" else "'/old env/python'"
        assert only(report).command == f"{removing} -m pip install 'filelock>3.29.4'"


def test_the_copy_within_datasets_counts() -> None:
    report = judged(versions={"filelock": "3.25.2", "datasets": "2.15.0"})
    assert "the filelock 3.0.12 within datasets 2.15.0" in only(report).message


def test_executable_lock_files_are_an_old_filelocks() -> None:
    seen = with_locks(HEALTHY, LOCK._replace(mode=0o755))
    assert found(judged(seen)) == []
    assert found(judged(seen, versions={"filelock": "3.25.2"})) == [("LOCK-MAKER", "warning")]
    everything = seen._replace(made=Made(0o777, ANNE, ANNE, 0.0))
    assert found(judged(everything, versions={"filelock": "3.25.2"})) == []
    old = with_locks(HEALTHY, LOCK._replace(mode=0o755, age=1e6))
    assert found(judged(old, versions={"filelock": "3.25.2"})) == []


def test_what_cannot_be_checked_is_counted() -> None:
    seen = folder(
        mount=NFS, unseen=(("CACHE-ACL", "why"),), acl=None,
        leftovers=facts.Leftovers((), 9, complete=False, unshared=0),
    )  # fmt: skip
    report = judged(seen)
    assert {(one.check, one.path) for one in report.unseen} == {
        ("CACHE-ACL", "/cache"), ("CACHE-MODE", "/cache"), ("JOB-FLOCK", "/cache"),
    }  # fmt: skip
    assert report.checked == len(findings.FOLDER) + len(findings.JOB) - 2
    assert any("srun" in one.reason for one in report.unseen)


def job(*sights: Sight, clocks: Tuple[float, ...] = (), **changes: Any) -> Job:
    """A job of as many ranks, each on a host of its own."""
    world = len(sights)
    processes = tuple(
        ME._replace(rank=rank, world=world, host=f"n{rank}", folders=(folder(name=changes.get("name", "hub")),))
        for rank in range(world)
    )
    seen = tuple(
        Seen(rank, clocks[rank] if clocks else 0.0, {changes.get("name", "hub"): sight})
        for rank, sight in enumerate(sights)
    )
    return Job(processes, seen)


def sight(token: str, seen: str, lock: str = "refused", after: str = "taken") -> Sight:
    return Sight(token, tuple(seen.split()), {"a": lock}, {"a": after})


def said(of: Job) -> List[Tuple[str, str]]:
    return found(findings.judge(of))


class TestJob:
    def test_all_is_well(self) -> None:
        report = findings.judge(job(sight("a", "a b c"), sight("b", "a b c"), sight("", "a b c")))
        assert (report.findings, report.unseen) == ((), ())

    def test_one_sees_the_other_and_not_the_other_way_round(self) -> None:
        assert said(job(sight("a", "a b"), sight("b", "b"))) == []

    @pytest.mark.parametrize(("name", "severity"), [("hub", "note"), ("metrics", "error")])
    def test_two_folders(self, name: str, severity: str) -> None:
        report = findings.judge(job(sight("a", "a"), sight("b", "b c"), sight("c", "b c"), name=name))
        assert found(report) == [("JOB-DIRECTORY", severity)]
        assert "rank 0 on n0; /cache of ranks 1-2 on n1 and n2" in only(report).message

    def test_nobody_can_write(self) -> None:
        report = findings.judge(job(Sight("", (), {}), Sight("", (), {})))
        assert [one.check for one in report.unseen] == ["JOB-DIRECTORY"]

    def test_locks_do_not_reach(self) -> None:
        report = findings.judge(job(sight("a", "a b"), sight("b", "a b", "taken")))
        assert found(report) == [("JOB-FLOCK", "error")]
        assert "rank 1 on n1 took a lock that rank 0 on n0 held" in only(report).message

    def test_a_lock_that_stays(self) -> None:
        report = findings.judge(job(sight("a", "a b"), sight("b", "a b", "refused", "refused")))
        assert "has let go of" in only(report).message

    def test_a_lock_that_cannot_be_tried(self) -> None:
        report = findings.judge(job(sight("a", "a b"), sight("b", "a b", "ENOLCK", "ENOLCK")))
        assert [one.check for one in report.unseen] == ["JOB-FLOCK"]

    def test_clocks(self) -> None:
        both = (sight("a", "a b"), sight("b", "a b"))
        assert said(job(*both, clocks=(5.0, 5.9))) == []
        report = findings.judge(job(*both, clocks=(5.0, 65.0)))
        assert "the clock of n1 is 60.0 s ahead of that of n0" in only(report).message
        assert only(report).who == "root on n1"

    def test_versions_users_and_umasks(self) -> None:
        whole = job(sight("a", "a b"), sight("b", "a b"))
        other = whole.processes[1]._replace(versions={**VERSIONS, "filelock": "4.0.0"}, uid=5, umask=0o002)
        report = findings.judge(whole._replace(processes=(whole.processes[0], other)))
        assert found(report) == [("JOB-VERSIONS", "warning"), ("JOB-USER", "warning"), ("JOB-USER", "warning")]
        assert report.findings[0].command == "python -m pip install filelock==4.2.11"

    def test_who_does_not_answer(self) -> None:
        whole = job(sight("a", "a"))._replace(absent={1: "not connected, on n1", 3: "connection lost"})
        assert [one.message for one in findings.judge(whole).findings] == [
            "rank 1 did not answer: not connected, on n1", "rank 3 did not answer: connection lost",
        ]  # fmt: skip

    def test_facts_travel(self) -> None:
        import json

        whole = job(sight("a", "a b"), sight("b", "a b"))
        seen = with_closed(with_locks(SHARED._replace(unseen=(("CACHE-ACL", "x"),)), LOCK), CLOSED)
        process = whole.processes[0]._replace(folders=(seen, folder(acl=None, mount=None, space=None, made=None)))
        assert facts.process(json.loads(json.dumps(facts.pack(process)))) == process
        assert facts.seen(json.loads(json.dumps(facts.pack(whole.seen[0])))) == whole.seen[0]
