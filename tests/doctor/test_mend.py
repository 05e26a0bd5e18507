"""--fix-permissions: bad before, good after, only what is the user's own, each change listed."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Dict, Tuple

import pytest

from compatshim.doctor import mend
from compatshim.doctor.facts import Acl
from compatshim.doctor.sharing import Item, Sharing, sharing, wanted
from tests.doctor.support import (
    ANNE,
    BEN,
    HEALTHY,
    NOBODY,
    TEAM,
    acl,
    acting,
    as_root,
    doctor,
    posix,
    said,
    see,
    told,
    umask,
)

pytestmark = posix
USER = (ANNE, ANNE, TEAM)


def modes(folder: Path) -> Dict[str, Tuple[str, int]]:
    return {
        str(path.relative_to(folder)): (f"{stat.S_IMODE(path.lstat().st_mode):04o}", path.lstat().st_gid)
        for path in (folder, *folder.rglob("*"))
        if not path.is_symlink()
    }


@pytest.fixture
def cache(place: Path) -> Path:
    """A cache of a team, with what Anne and Ben made under the umask 022 before there was a setgid bit."""
    made = place / "cache"
    made.mkdir()
    for path, owner in (("anne", ANNE), ("ben", BEN)):
        (made / path).mkdir()
        for name in ("data.arrow", "x.lock", "y.incomplete"):
            (made / path / name).write_text("")
            (made / path / name).chmod(0o600 if name == "data.arrow" else 0o644)
            os.chown(made / path / name, owner, owner)
        (made / path).chmod(0o755)
        os.chown(made / path, owner, owner)
    os.chown(made, ANNE, TEAM)
    made.chmod(0o775)
    return made


def listed(user: int, group: int) -> bytes:
    """A list that names a user with all rights, and what it gives the group of the file."""
    return acl((1, 7, NOBODY), (2, 7, user), (4, group, NOBODY), (0x10, 7, NOBODY), (0x20, 0, NOBODY))


@as_root
class TestTeam:
    def mend(self, cache: Path) -> mend.Plan:
        process = see(cache, user=USER)
        with acting(*USER):
            plan = mend.plan(process.folders[0], process)
            assert [mend.attempt(change) for change in plan.changes] == [""] * len(plan.changes)
        return plan

    def test_bad_before_and_good_after(self, cache: Path) -> None:
        with umask(0o002):
            before = told(cache, user=USER)
            assert set(before) == {"CACHE-GROUP", "CACHE-MODE", "CACHE-INSIDE", "LOCK-ACCESS"}
            assert "5 files and folders" in before["CACHE-MODE"].message
            plan = self.mend(cache)
            assert len(plan.changes) == 5
            assert set(told(cache, user=USER)) == {"CACHE-INSIDE", "LOCK-ACCESS"}  # Ben's
        found = modes(cache)
        assert {name: mode for name, mode in found.items() if not name.startswith("ben")} == {
            ".": ("2775", TEAM), "anne": ("2775", TEAM), "anne/data.arrow": ("0640", TEAM),
            "anne/x.lock": ("0664", TEAM), "anne/y.incomplete": ("0664", TEAM),
        }  # fmt: skip
        # And Ben may lock it.
        with acting(BEN, BEN, TEAM):
            (cache / "anne" / "x.lock").open("r+").close()

    def test_what_is_anothers_is_left(self, cache: Path) -> None:
        before = {name: mode for name, mode in modes(cache).items() if name.startswith("ben")}
        self.mend(cache)
        assert {name: mode for name, mode in modes(cache).items() if name.startswith("ben")} == before

    def test_again_changes_nothing(self, cache: Path) -> None:
        self.mend(cache)
        before = modes(cache)
        assert self.mend(cache).changes == ()
        assert modes(cache) == before

    def test_links_and_other_names(self, cache: Path, place: Path) -> None:
        secret = place / "secret"
        secret.write_text("")
        os.chown(secret, ANNE, ANNE)
        secret.chmod(0o600)
        os.link(secret, cache / "z.lock")
        (cache / "link.lock").symlink_to(secret)
        plan = self.mend(cache)
        assert [(one.path, one.reason) for one in plan.passed] == [(str(cache / "z.lock"), "it has 2 names")]
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600

    def test_what_is_replaced_meanwhile(self, cache: Path) -> None:
        process = see(cache, user=USER)
        plan = mend.plan(process.folders[0], process)
        change = next(one for one in plan.changes if one.path.endswith("anne/x.lock"))
        os.remove(change.path)
        os.symlink("/etc/hostname", change.path)
        assert mend.attempt(change)
        os.remove(change.path)
        Path(change.path).write_text("")  # root's
        assert mend.attempt(change) == "it was replaced meanwhile"

    def test_a_group_that_one_is_not_in(self, cache: Path) -> None:
        process = see(cache, user=(ANNE, ANNE))
        plan = mend.plan(process.folders[0], process)
        assert {one.reason for one in plan.passed} == {f"{ANNE} is not in the group {TEAM}"}
        # Nor would the system give her own folder the setgid bit, and it would not say so.
        assert plan.changes == ()
        change = mend.Change(str(cache), *(Item(mode, ANNE, TEAM, folder=True) for mode in (0o775, 0o2775)))
        with acting(ANNE, ANNE):
            assert mend.attempt(change) == "the system did not give all of these rights"

    def test_secrets_stay_so(self, cache: Path) -> None:
        """HF_HOME may be the cache that is named, and has the user's tokens."""
        for name in ("token", "stored_tokens"):
            (cache / name).write_text("hf_")
            (cache / name).chmod(0o600)
            os.chown(cache / name, ANNE, TEAM)
        before = modes(cache)
        self.mend(cache)
        after = modes(cache)
        assert [after[name] for name in ("token", "stored_tokens")] == [("0600", TEAM)] * 2
        assert after != before

    def test_a_list_may_give_the_group_nothing(self, cache: Path) -> None:
        """The mode shows the list's mask in the group's place."""
        os.setxattr(cache, "system.posix_acl_access", listed(BEN, 0))
        assert cache.stat().st_mode & 0o070 == 0o070
        before = modes(cache)
        assert self.mend(cache) == ((), (), True)
        assert modes(cache) == before
        os.setxattr(cache, "system.posix_acl_access", listed(BEN, 7))
        assert len(self.mend(cache).changes) == 5

    def test_nobody_is_let_in_by_the_list_of_a_file(self, cache: Path) -> None:
        path = cache / "anne" / "data.arrow"
        os.setxattr(path, "system.posix_acl_access", listed(61999, 4))
        path.chmod(0o600)
        plan = self.mend(cache)
        assert [(one.path, one.reason) for one in plan.passed] == [
            (str(path), "its access control list names others than that of the cache")
        ]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_a_folder_for_everybodys_temporary_files(self, cache: Path) -> None:
        cache.chmod(0o1777)
        before = modes(cache)
        assert self.mend(cache) == ((), (), True)
        assert modes(cache) == before
        assert "CACHE-MODE" not in told(cache, user=USER)

    def test_the_command(self, cache: Path) -> None:
        os.chown(cache, 0, TEAM)
        os.chown(cache / "anne", 0, 0)
        os.chown(cache / "anne" / "x.lock", 0, 0)
        before = modes(cache)
        words = ("--cache", str(cache), "--fix-permissions")
        dry = doctor(*words, "--dry-run")
        assert modes(cache) == before
        assert f"would change {cache}/anne/x.lock: mode 0644 to 0664, group root to {TEAM}\n" in dry.out
        assert "3 to change, 0 left as they are." in dry.out
        assert "CACHE-MODE" in dry.out
        done = doctor(*words, "--format", "json")
        content = said(done)
        assert {one["path"]: one["mode"] for one in content["changes"]["changes"]} == {
            str(cache): ["0775", "2775"],
            f"{cache}/anne": ["0755", "2775"],
            f"{cache}/anne/x.lock": ["0644", "0664"],
        }  # fmt: skip
        assert content["changes"]["made"] is True
        assert not {"CACHE-GROUP", "CACHE-MODE"} & {one["check"] for one in content["findings"]}
        assert modes(cache)["anne/x.lock"] == ("0664", TEAM)


def test_a_cache_of_ones_own_is_left(place: Path) -> None:
    place.chmod(0o700)
    (place / "x.lock").write_text("")
    (place / "x.lock").chmod(0o600)
    process = see(place)
    assert mend.plan(process.folders[0], process) == ((), (), True)


@pytest.mark.parametrize("shared", [Sharing(group, others, 7) for group in (0, 1) for others in (0, 1)])  # type: ignore[arg-type]  # numbers for truths
@pytest.mark.parametrize("folder", [True, False])
@pytest.mark.parametrize("lock", [True, False])
def test_no_right_is_taken(shared: Sharing, folder: bool, lock: bool) -> None:
    for mode in range(0o1000):
        item = Item(mode, 1, 1, folder, lock and not folder)
        after = wanted(shared, item) or item
        assert after.mode & mode == mode
        assert after.mode & 0o700 == mode & 0o700
        assert wanted(shared, after) is None


def test_how_a_folder_is_shared() -> None:
    def told(mode: int, group: str, *entries: str) -> Sharing:
        return sharing(HEALTHY._replace(mode=mode, gid=1, owner="a", group=group, acl=Acl(entries)))

    assert not told(0o755, "b")
    assert not told(0o775, "a")
    assert told(0o775, "b") == Sharing(group=True, others=False, gid=1)
    assert told(0o777, "a") == Sharing(group=False, others=True, gid=1)
    assert told(0o1777, "a").temporary
    entries = ("user::rwx", "user:7:rwx", "group::r-x", "mask::rwx", "other::---")
    assert told(0o770, "b", *entries) == Sharing(group=False, others=False, gid=1, listed=True)
    assert not told(0o750, "b", *entries[:3], "mask::r-x")
