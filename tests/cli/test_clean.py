"""``clean``: real files, real locks and real processes that hold them; the plan has tests of its own."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List, Set, Tuple

import pytest

from compatshim import cli
from compatshim.caches import host, leftovers, listing, locks, mounts, removal, survey, where
from compatshim.caches.leftovers import Leftover, Policy
from compatshim.caches.mounts import Mount
from compatshim.gather import origin

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who uses a file: not run")

HASH = "0123456789abcdef" * 4
OLD = 30 * 86400
Clean = Callable[..., Tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ``HF_HOME``, empty, and no other variable that names a cache."""
    for name in [*os.environ]:
        if name.startswith(("HF_", "HUGGINGFACE_", "TRANSFORMERS_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path / "hf"


@pytest.fixture
def clean(home: Path, capsys: pytest.CaptureFixture[str]) -> Clean:  # noqa: ARG001  it sets the variables
    """Run the command in this process: exit status, standard output, standard error."""

    def run(*argv: str) -> Tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main(["clean", *argv])
        return (code, *capsys.readouterr())

    return run


def leave(path: Path, content: str = "", age: float = OLD) -> Path:
    """A file that was written so many seconds ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def leave_run(home: Path, n: int = 2, experiment: str = "e", age: float = OLD) -> List[Path]:
    """What evaluate leaves when ``n`` processes are killed."""
    folder = home / "metrics" / "accuracy" / "default"
    names = [(f"{experiment}-{n}-{k}.arrow", "x" * 100) for k in range(n)]
    names += [(f"{name}.lock", "") for name, _ in names] + [(f"{experiment}-{n}-rdv.lock", "")] * (n > 1)
    return [leave(folder / name, content, age) for name, content in names]


def files(home: Path) -> Set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*") if not path.is_dir()}


@contextlib.contextmanager
def holder(path: Path, *, lock: bool = True, mode: str = "a") -> Iterator[subprocess.Popen[str]]:
    """Another process that has a file open, and holds its lock."""
    code = f"import fcntl, sys\nfile = open({str(path)!r}, {mode!r})\n"
    code += "fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n" if lock else ""
    code += "print('ready', flush=True)\nsys.stdin.read()\n"
    with subprocess.Popen(
        [sys.executable, "-I", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


class TestListing:
    def test_lists_and_removes_nothing(self, clean: Clean, home: Path) -> None:
        leave_run(home)
        before = files(home)
        code, out, err = clean("--dry-run")
        assert (code, err) == (cli.FINDINGS, "")
        assert "run         accuracy/default/e-2  5 files, 200 B, 30 d old" in out
        assert "1 to remove, 200 B" in out
        assert files(home) == before

    def test_without_a_terminal_it_is_the_same(self, clean: Clean, home: Path) -> None:
        leave_run(home)
        before = files(home)
        code, out, err = clean()
        assert code == cli.FINDINGS
        assert "1 to remove" in out
        assert "nothing was removed" in err
        assert "--yes" in err
        assert files(home) == before

    def test_nothing_to_remove(self, clean: Clean, home: Path) -> None:
        leave_run(home, age=3600)
        code, out, err = clean("--yes")
        assert (code, err) == (cli.CLEAN, "")
        assert "1 left: too young" in out
        assert "nothing to remove" in out

    def test_no_cache(self, clean: Clean, home: Path) -> None:
        code, _, err = clean("--yes")
        assert code == cli.NOTHING
        assert f"{home}/metrics (HF_HOME)" in err

    def test_json(self, clean: Clean, home: Path) -> None:
        leave_run(home)
        leave(home / "datasets" / "downloads" / f"{HASH}.incomplete", "abc")
        told = json.loads(clean("--format", "json", "--older-than", "12h")[1])
        assert (told["kind"], told["older_than"], told["removed"]) == ("clean", 43200, 0)
        caches = {one["kind"]: one for one in told["caches"]}
        assert {kind for kind, one in caches.items() if one["looked_into"]} == {"datasets", "metrics"}
        assert caches["datasets"]["source"] == "HF_HOME"
        (group,) = caches["metrics"]["groups"]
        assert (group["state"], group["size"], group["frees"], len(group["files"])) == ("removable", 200, 200, 5)
        code, out, _ = clean("--format", "json", "--yes")
        told = json.loads(out)
        assert (code, told["removed"], told["freed"]) == (cli.CLEAN, 2, 203)
        assert {group["state"] for one in told["caches"] for group in one["groups"]} == {"removed"}

    @pytest.mark.parametrize("age", ["7", "d", "-1d", "7 days", "1y", "", "1e3s", "9" * 400 + "d", "٣d"])
    def test_an_age_that_is_none(self, clean: Clean, age: str) -> None:
        code, out, err = clean(f"--older-than={age}")
        assert (code, out) == (cli.ERROR, "")
        assert f"{age!r} is not an age such as 30m, 12h or 7d" in err

    def test_a_name_cannot_act_on_the_terminal(self, clean: Clean, home: Path) -> None:
        leave_run(home, n=1, experiment="a\x1b[31m\x07\u202eb\udcff")
        out = clean("-n")[1]
        assert r"accuracy/default/a\x1b[31m\x07\u202eb\udcff-1  2 files" in out
        json.loads(clean("-n", "--format", "json")[1])

    @pytest.mark.parametrize(
        ("age", "wanted"), [("29d", 1), ("31d", 0), ("719h", 1), ("721h", 0), ("43000m", 1), ("4w", 1), ("0s", 1)]
    )
    def test_ages(self, clean: Clean, home: Path, age: str, wanted: int) -> None:
        leave_run(home)
        assert clean("--older-than", age, "-n")[0] == wanted

    def test_a_folder_that_is_not_there(self, clean: Clean, home: Path) -> None:
        code, _, err = clean("--cache", str(home / "no"))
        assert code == cli.ERROR
        assert f"--cache {home / 'no'}: is not a folder" in err

    def test_named_caches(self, clean: Clean, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        leave_run(home)
        monkeypatch.delenv("HF_HOME")
        for path in (home, home / "metrics"):
            code, out, _ = clean("--cache", str(path), "--cache", str(path), "-n")
            assert code == cli.FINDINGS
            assert "1 to remove, 200 B" in out


class TestRemoval:
    def test_data_go_and_lock_files_stay(self, clean: Clean, home: Path) -> None:
        """An old filelock may be about to lock the file that is there."""
        leave_run(home)
        code, out, err = clean("--yes")
        assert (code, err) == (cli.CLEAN, "")
        assert "1 removed, 200 B freed" in out
        names = ("e-2-0.arrow.lock", "e-2-1.arrow.lock", "e-2-rdv.lock")
        assert files(home) == {f"metrics/accuracy/default/{name}" for name in names}
        code, out, _ = clean("--yes")
        assert code == cli.CLEAN
        assert "1 left: a lock file (--lock-files)" in out

    def test_lock_files_too(self, clean: Clean, home: Path) -> None:
        leave_run(home)
        leave(home / "hub" / ".locks" / "models--a--b" / "abc.lock")
        assert clean("--yes", "--lock-files")[0] == cli.CLEAN
        assert files(home) == set()

    def test_everything_else_stays(self, clean: Clean, home: Path) -> None:
        finished = {
            "hub/models--a--b/blobs/abc",
            "hub/models--a--b/refs/main",
            "datasets/csv/default/0.0.0/ab/csv-train.arrow",
            f"datasets/downloads/{HASH}",
            f"datasets/downloads/{HASH}.json",
            "metrics/accuracy/default/sales-2020.arrow",
            "modules/datasets_modules/datasets/csv/ab/csv.py",
            "datasets/project/uv.lock",
        }
        for name in finished:
            leave(home / name, "content")
        left = [
            "hub/models--a--b/blobs/abd.incomplete",
            "hub/models--a--b/refs/main.0a1b2c3d.tmp",
            "datasets/csv/default/0.0.0/ac.incomplete/csv-train.arrow",
            "datasets/csv/default/0.0.0/ac.incomplete/deeper/x",
            f"datasets/downloads/{HASH}.incomplete",
            "datasets/csv/default/0.0.0/ab/tmp0a_b9xyz",
            "evaluate/downloads/tmpabcdefgh",
        ]
        for name in left:
            leave(home / name, "content")
        for folder in ("deeper", ""):
            os.utime(home / "datasets/csv/default/0.0.0/ac.incomplete" / folder, (1, 1))
        code, out, err = clean("--yes")
        assert (code, err) == (cli.CLEAN, "")
        assert "6 removed, 49 B freed" in out
        assert files(home) == finished

    def test_a_lock_that_had_to_be_made_is_gone_again(self, clean: Clean, home: Path) -> None:
        for path in leave_run(home, n=3)[3:]:
            path.unlink()
        assert clean("--yes")[0] == cli.CLEAN
        assert files(home) == set()

    def test_hard_links_free_nothing(self, clean: Clean, home: Path) -> None:
        first, *_ = leave_run(home)
        os.link(first, home / "other")
        code, out, _ = clean("--yes")
        assert code == cli.CLEAN
        assert "1 to remove, 200 B, of which other names keep 100 B" in out
        assert "1 removed, 100 B freed" in out
        assert (home / "other").read_text() == "x" * 100

    def test_the_newest_file_counts(self, clean: Clean, home: Path) -> None:
        paths = leave_run(home)
        leave(paths[1], "x", age=60)
        before = files(home)
        assert clean("--yes")[0] == cli.CLEAN
        assert files(home) == before

    def test_a_read_only_folder(self, clean: Clean, home: Path) -> None:
        """Root may write there; immutable files it may not unlink either, where the file system has them."""
        path, *_ = leave_run(home)
        done = subprocess.run(["chattr", "+i", str(path)], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("files cannot be made immutable here: not run")
        try:
            code, out, _ = clean("--yes")
        finally:
            subprocess.run(["chattr", "-i", str(path)], check=True)
        assert code == cli.FINDINGS
        assert "failed" in out
        assert "Operation not permitted" in out


class TestInUse:
    def test_a_live_run_stays_and_a_killed_one_goes(self, clean: Clean, home: Path) -> None:
        for number in range(5):
            paths = leave_run(home)
            if paths[number].suffix != ".lock":
                continue
            with holder(paths[number]) as process:
                leave_run(home)  # as old as before
                before = files(home)
                code, out, _ = clean("--yes", "--lock-files")
                assert code == cli.CLEAN
                assert "left        accuracy/default/e-2: in use" in out
                assert files(home) == before
                process.send_signal(signal.SIGKILL)
                process.wait()
                assert clean("--yes")[0] == cli.CLEAN
                assert not paths[0].exists()

    @pytest.mark.parametrize("mode", ["r", "a"])
    @pytest.mark.parametrize("number", range(5))
    def test_what_is_open_stays(self, clean: Clean, home: Path, mode: str, number: int) -> None:
        """A lock that is waited for; data that are read."""
        paths = leave_run(home)
        before = files(home)
        with holder(paths[number], lock=False, mode=mode):
            assert "in use" in clean("--yes", "--lock-files")[1]
        assert files(home) == before

    def test_a_child_that_kept_the_lock(self, clean: Clean, home: Path) -> None:
        """Its parent, which took it, is dead: the process in /proc/locks is not the one that holds it."""
        paths = leave_run(home)
        reader, writer = os.pipe()
        parent = os.fork()
        if not parent:
            import fcntl

            file = os.open(str(paths[2]), os.O_RDWR)
            fcntl.flock(file, fcntl.LOCK_EX)
            child = os.fork()
            if child:
                os.write(writer, b"%d\n" % child)
                os._exit(0)
            time.sleep(60)
            os._exit(0)
        os.waitpid(parent, 0)
        child = int(os.read(reader, 20))
        try:
            leave_run(home)
            assert "in use" in clean("--yes")[1]
        finally:
            os.kill(child, signal.SIGKILL)
            os.close(reader)
            os.close(writer)
        assert paths[0].exists()

    @pytest.mark.parametrize(
        ("path", "lock"),
        [
            ("datasets/csv/default/0.0.0/ac.incomplete/x.arrow", "datasets/csv/default/0.0.0/ac_builder.lock"),
            (f"evaluate/downloads/{HASH}.incomplete", f"evaluate/downloads/{HASH}.lock"),
            ("hub/models--a--b/blobs/abc.incomplete", "hub/.locks/models--a--b/abc.lock"),
            ("hub/models--a--b/blobs/abc.0a1b2c3d.incomplete", "hub/models--a--b/blobs/abc.lock"),
        ],
    )
    def test_under_the_lock_of_its_tool(self, clean: Clean, home: Path, path: str, lock: str) -> None:
        leave(home / path, "x")
        leave(home / lock)
        os.utime((home / path).parent, (1, 1))
        with holder(home / lock):
            assert "in use" in clean("--yes")[1]
            assert (home / path).exists()
        assert clean("--yes")[0] == cli.CLEAN
        assert not (home / path).exists()

    def test_a_temporary_file_that_is_written(self, clean: Clean, home: Path) -> None:
        path = leave(home / "datasets" / "csv" / "tmpabcdefgh", "x")
        with holder(path, lock=False):
            assert "in use" in clean("--yes")[1]
        assert path.exists()
        clean("--yes")
        assert not path.exists()

    def test_rows_that_gather_keeps_stay_as_long_as_their_process_lives(self, clean: Clean, home: Path) -> None:
        place = home / "metrics" / "accuracy" / "default"
        place.mkdir(parents=True)
        program = (
            "import sys, tempfile\nfrom compatshim.gather import spool\n"
            f"rows = tempfile.mkdtemp(prefix=f'.{{spool.tag()}}-', dir={str(place)!r})\n"
            "open(rows + '/rows-a.arrow', 'w').write('x' * 100)\nprint(flush=True)\nsys.stdin.read()\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            code, out, _ = clean("--yes", "--older-than", "0s")
            assert f"is of process {process.pid}, which runs" in " ".join(out.split())
            assert len(files(home)) == 1
            process.kill()
        leave(place / f".compatshim-gather-{'0a' * 10}.ended", "{}")
        code, out, _ = clean("--yes", "--older-than", "0s")
        assert (code, files(home)) == (0, set()), out
        assert [*place.iterdir()] == []


class TestMarkers:
    """Of soft locks, which are held as long as they exist."""

    def test_only_that_of_a_dead_process_of_this_host_goes(self, clean: Clean, home: Path) -> None:
        gone = subprocess.run(
            [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
        )
        folder = home / "hub" / ".locks" / "models--a--b"
        texts = {
            "dead": f"{int(gone.stdout)}\n{host.name()}\n",
            "token": f"{int(gone.stdout)}\n{host.name()}\n12345\n",
            "alive": f"{os.getpid()}\n{host.name()}\n",
            "elsewhere": f"{int(gone.stdout)}\nnot-{host.name()}\n",
            "odd": "hello\n",
        }
        for name, text in texts.items():
            leave(folder / f"{name}.lock", text)
        leave(folder / "young.lock", texts["dead"], age=60)
        code, out, _ = clean("--yes")
        assert code == cli.CLEAN
        assert "2 removed" in out
        assert {path.stem for path in folder.iterdir()} == {"alive", "elsewhere", "odd", "young"}
        assert f"process {os.getpid()}, which runs" in out
        assert f"on not-{host.name()}, which cannot be asked from here" in out

    def test_a_live_one_keeps_its_run(self, clean: Clean, home: Path) -> None:
        paths = leave_run(home)
        leave(paths[3], f"{os.getpid()}\n{host.name()}\n")
        assert "which runs" in clean("--yes")[1]
        assert paths[0].exists()

    def test_a_dead_one_goes_with_its_run(self, clean: Clean, home: Path) -> None:
        paths = leave_run(home)
        gone = subprocess.run(
            [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
        )
        leave(paths[3], f"{int(gone.stdout)}\n{socket.gethostname()}\n")
        if socket.gethostname() != host.name():
            pytest.skip("not in the host's own process namespace: not run")
        assert clean("--yes")[0] == cli.CLEAN
        assert not paths[0].exists()
        assert not paths[3].exists()
        assert paths[2].exists()

    def test_one_that_changes_after_it_was_listed_stays(self, home: Path) -> None:
        path = leave(home / "hub" / ".locks" / "m" / "a.lock", f"999999999\n{host.name()}\n")
        (one,), policy = listed(home / "hub", where.HUB)
        about = path.stat()
        path.write_text(f"999999998\n{host.name()}\n")
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
        with locks.Unlinked() as unlinked:
            assert removal.remove(str(home / "hub"), one, policy, unlinked).reason == "in use"
        assert path.exists()


def listed(root: Path, kind: str) -> Tuple[List[Leftover], Policy]:
    policy = Policy(time.time(), 60, os.geteuid(), host.name(), origin.alive)
    return leftovers.leftovers(kind, listing.read(str(root), kind).entries), policy


class TestLinksAndOwners:
    def test_symbolic_links_are_not_followed(self, clean: Clean, home: Path, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        victim = leave(outside / f"{HASH}.incomplete", "precious")
        leave(outside / "e-1-0.arrow", "precious")
        leave(outside / "e-1-0.arrow.lock")
        (home / "metrics" / "m").mkdir(parents=True)
        (home / "metrics" / "m" / "linked").symlink_to(outside)
        (home / "metrics" / "m" / "f-1-0.arrow").symlink_to(victim)
        leave(home / "metrics" / "m" / "f-1-0.arrow.lock")
        (home / "datasets").mkdir()
        (home / "datasets" / "downloads").symlink_to(outside)
        inside = leave(home / "datasets" / "csv" / "x.incomplete" / "data", "x")
        (inside.parent / "link").symlink_to(outside)
        os.utime(inside.parent / "link", (1, 1), follow_symlinks=False)
        os.utime(inside.parent, (1, 1))
        _, out, _ = clean("--yes")
        assert "f-1-0.arrow is a symbolic link" in out
        assert not inside.parent.exists()
        assert files(outside) == {f"{HASH}.incomplete", "e-1-0.arrow", "e-1-0.arrow.lock"}

    def test_the_cache_itself_may_be_one(self, clean: Clean, home: Path, tmp_path: Path) -> None:
        leave_run(tmp_path / "disk")
        home.symlink_to(tmp_path / "disk")
        assert "1 removed" in clean("--yes")[1]

    def test_a_folder_that_becomes_a_link_after_it_was_listed(self, home: Path, tmp_path: Path) -> None:
        paths = leave_run(home)
        leave_run(tmp_path / "victim")
        (one,), policy = listed(home / "metrics", where.METRICS)
        shutil.move(str(paths[0].parent), str(tmp_path / "moved"))
        paths[0].parent.symlink_to(tmp_path / "victim" / "metrics" / "accuracy" / "default")
        with locks.Unlinked() as unlinked:
            outcome = removal.remove(str(home / "metrics"), one, policy, unlinked)
        assert outcome.state == "failed"
        assert len(files(tmp_path / "victim")) == 5

    @pytest.mark.parametrize("number", range(5))
    def test_a_file_that_is_replaced_after_it_was_listed(self, home: Path, number: int) -> None:
        paths = leave_run(home)
        (one,), policy = listed(home / "metrics", where.METRICS)
        paths[number].rename(home / "aside")
        leave(paths[number], "x" if number < 2 else "")
        before = files(home)
        with locks.Unlinked() as unlinked:
            outcome = removal.remove(str(home / "metrics"), one, policy, unlinked)
        assert outcome.state == "left"
        assert "was replaced since it was listed" in outcome.reason
        assert files(home) == before

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away: not run")
    @pytest.mark.parametrize("number", range(5))
    def test_files_of_others_are_said_and_left(self, clean: Clean, home: Path, number: int) -> None:
        paths = leave_run(home)
        os.chown(paths[number], 65534, -1)
        before = files(home)
        code, out, _ = clean("--yes")
        assert code == cli.CLEAN
        assert f"{paths[number].name} belongs to user 65534" in out
        assert files(home) == before

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user: not run")
    def test_what_cannot_be_read_is_said(self, clean: Clean, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = Path(tempfile.mkdtemp())
        try:
            clean("-n")  # all that is imported is, before it cannot be read
            leave_run(folder)
            closed = folder / "metrics" / "bleu"
            closed.mkdir(mode=0o700)
            for path in [folder, *folder.rglob("*")]:
                os.chown(path, 65534, -1)
            os.chown(closed, 0, 0)
            monkeypatch.setenv("HF_HOME", str(folder))
            os.seteuid(65534)
            try:
                code, out, err = clean("--yes")
            finally:
                os.seteuid(0)
        finally:
            shutil.rmtree(folder)
        assert code == cli.CLEAN
        assert "1 removed" in out
        assert f"{folder}/metrics: not read: bleu: Permission denied" in err

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts: not run")
    def test_another_file_system_in_it(self, clean: Clean, home: Path) -> None:
        inner = home / "metrics" / "inner"
        inner.mkdir(parents=True)
        if subprocess.run(
            ["mount", "-t", "tmpfs", "none", str(inner)], capture_output=True, check=False
        ).returncode:
            pytest.skip("nothing can be mounted here: not run")
        try:
            leave(inner / "e-1-0.arrow", "x")
            code, _, err = clean("--yes")
            assert (inner / "e-1-0.arrow").exists()
            assert clean("--yes", "--cache", str(home))[0] == cli.CLEAN
        finally:
            subprocess.run(["umount", str(inner)], check=True)
        assert code == cli.CLEAN
        assert "inner is on another file system" in err


class TestWhere:
    @pytest.mark.parametrize("kind", ["nfs4", "fuse.sshfs", "lustre", "newfs"])
    def test_network_file_systems_are_refused(
        self, clean: Clean, home: Path, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        paths = leave_run(home)
        table = (
            Mount("/", "ext4", "/dev/x", read_only=False),
            Mount(str(home), kind, "server:/x", read_only=False),
        )
        monkeypatch.setattr(mounts, "mounts", lambda: table)
        code, out, err = clean("--yes")
        assert code == cli.NOTHING
        assert err.count("\n") == 1
        assert f"{home}/metrics is on {kind} (server:/x)" in err
        assert "--force-network" in err
        assert paths[0].exists()
        assert clean("--yes", "--force-network")[0] == cli.CLEAN
        assert not paths[0].exists()
        assert "nothing to remove" in out

    def test_a_read_only_one(self, clean: Clean, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        leave_run(home)
        monkeypatch.setattr(mounts, "mounts", lambda: (Mount("/", "ext4", "/dev/x", read_only=True),))
        code, _, err = clean("--yes")
        assert code == cli.NOTHING
        assert "mounted read-only" in err

    def test_where_the_system_does_not_tell(
        self, clean: Clean, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        paths = leave_run(home)
        monkeypatch.setattr(locks, "SUPPORTED", False)
        code, out, err = clean("--yes")
        assert (code, out) == (cli.NOTHING, "")
        assert "not supported on" in err
        assert paths[0].exists()

    def test_without_leases_only_what_a_lock_protects_goes(
        self, clean: Clean, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As on a network file system."""
        paths = leave_run(home)
        alone = leave(home / "datasets" / "csv" / "tmpabcdefgh", "x")
        monkeypatch.setattr(locks, "sole", lambda _: None)
        code, out, _ = clean("--yes", "--lock-files")
        assert code == cli.CLEAN
        assert [path.exists() for path in paths] == [False, False, True, True, True]
        assert alone.exists()
        assert "does not tell whether it is open" in out

    def test_without_locks_only_markers_go(self, clean: Clean, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """As on a network file system on which filelock makes soft locks."""
        import fcntl

        def flock(*_: object) -> None:
            raise OSError(errno.ENOSYS, "Function not implemented")

        paths = leave_run(home)
        gone = subprocess.run(
            [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
        )
        marker = leave(home / "hub" / ".locks" / "m" / "a.lock", f"{int(gone.stdout)}\n{host.name()}\n")
        monkeypatch.setattr(locks, "sole", lambda _: None)
        monkeypatch.setattr(fcntl, "flock", flock)
        code, out, _ = clean("--yes", "--lock-files")
        assert code == cli.CLEAN
        assert "e-2-rdv.lock cannot be locked here (Function not implemented)" in out
        assert not marker.exists()
        assert all(path.exists() for path in paths)


class TestInterrupted:
    COUNT = 1500

    def cut(self, home: Path, number: int) -> Tuple[int, str, int]:
        """Send a signal in the middle: exit status, output, and how many groups were left then."""
        for each in range(self.COUNT):
            leave_run(home, n=1, experiment=f"e{each:04}")
        folder = home / "metrics" / "accuracy" / "default"
        code = "import sys; from compatshim.__main__ import main; sys.exit(main())"
        with open(home / "out", "w+", encoding="utf-8") as out:  # a pipe is too short for it
            process = subprocess.Popen(
                [sys.executable, "-c", code, "clean", "--yes"],
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            end = time.monotonic() + 60
            while (folder / "e0005-1-0.arrow").exists() and time.monotonic() < end:
                time.sleep(0.0005)
            process.send_signal(number)
            process.wait(timeout=60)
            out.seek(0)
            return process.returncode, out.read(), len(list(folder.glob("*.arrow")))

    def test_by_the_user(self, home: Path) -> None:
        code, out, left = self.cut(home, signal.SIGINT)
        assert code == 130
        assert f"{self.COUNT - left} removed" in out
        assert f"interrupted, {left} not reached" in out
        assert 0 < left < self.COUNT

    def test_killed(self, clean: Clean, home: Path) -> None:
        code, _, left = self.cut(home, signal.SIGKILL)
        assert code == -signal.SIGKILL
        assert 0 < left < self.COUNT
        assert f"{left} removed" in clean("--yes")[1]

    def test_before_anything_was_removed(self, clean: Clean, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        paths = leave_run(home)

        def interrupt(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(survey, "survey", interrupt)
        code, out, err = clean("--yes")
        assert (code, out, err) == (130, "", "compatshim: interrupted; nothing was removed\n")
        assert paths[0].exists()

    def test_twice(self, clean: Clean, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The second one does not wait for what is being removed; no lock is left held."""
        paths = leave_run(home)
        leave_run(home, experiment="f")
        unlink = os.unlink

        def interrupt(*args: Any, **options: Any) -> None:
            unlink(*args, **options)
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(os, "unlink", interrupt)
        code, out, _ = clean("--yes")
        monkeypatch.undo()
        assert code == 130
        assert "accuracy/default/e-2: interrupted in the middle of it" in out
        assert "0 removed, 0 B freed; interrupted, 1 not reached" in out
        assert [path.exists() for path in paths] == [False, True, True, True, True]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert clean("--yes", "--cache", str(home))[0] == cli.CLEAN
        assert not paths[1].exists()

    def test_after_all_was_removed(self, clean: Clean, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """While lock files are still held, for those that may be on the way to them."""
        leave_run(home)
        drain = locks.Unlinked.drain

        def interrupt(self: locks.Unlinked) -> None:
            drain(self)
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(locks.Unlinked, "drain", interrupt)
        code, out, err = clean("--yes", "--lock-files")
        assert (code, err) == (130, "")
        assert "1 removed, 200 B freed" in out

    def test_while_it_says_what_was_removed(
        self, clean: Clean, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        paths = leave_run(home)

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("compatshim.cli.clean._show_done", interrupt)
        code, _, err = clean("--yes")
        assert (code, err) == (130, "compatshim: interrupted; some may be removed\n")
        assert not paths[0].exists()


class TestAsks:
    @pytest.mark.parametrize(("answer", "goes"), [("y\n", True), ("YES\n", True), ("\n", False), ("n\n", False)])
    def test_in_a_terminal(self, home: Path, answer: str, goes: bool) -> None:
        import pty

        paths = leave_run(home)
        leader, follower = pty.openpty()
        code = "import sys; from compatshim.__main__ import main; sys.exit(main())"
        process = subprocess.Popen(
            [sys.executable, "-c", code, "clean"],
            stdin=follower,
            stdout=subprocess.PIPE,
            stderr=follower,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        os.close(follower)
        try:
            shown = b""
            while b"[y/N]" not in shown:
                shown += os.read(leader, 1024)
            os.write(leader, answer.encode())
            out, _ = process.communicate(timeout=30)
        finally:
            os.close(leader)
        assert process.returncode == (cli.CLEAN if goes else cli.FINDINGS)
        assert b"1 to remove" in out
        assert paths[0].exists() is not goes
