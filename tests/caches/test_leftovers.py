"""What is left of dead runs, told from a listing."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compatshim.caches import leftovers
from compatshim.caches.leftovers import FILE, FOLDER, KEPT, LINK, OTHER, YOUNG, Entry, Leftover, Policy
from compatshim.caches.where import ANY, DATASETS, DOWNLOADS, EVALUATE, HUB, METRICS, MODULES
from compatshim.gather import names, spool

ME, DAY, NOW = 1000, 86400.0, 1_000_000_000.0
HASH = "0123456789abcdef" * 4
MAKER = "0123456789ab"
POLICY = Policy(
    now=NOW, age=7 * DAY, user=ME, host="here", alive=lambda pid: pid == 7, maker=MAKER, booted=NOW - 20 * DAY
)


def entry(path: str, **about: Any) -> Entry:
    folder, _, name = path.rpartition("/")
    size = about.pop("size", 0 if path.endswith(".lock") else 10)
    known: Dict[str, Any] = {"type": FILE, "freed": size, "changed": NOW - 9 * DAY, "owners": frozenset({ME})}
    return Entry(folder, name, size=size, **{**known, **about})


def run(n: int = 3, folder: str = "accuracy/default", experiment: str = "e", **about: Any) -> List[Entry]:
    """What a run of ``n`` processes leaves when it is killed."""
    names = [f"{experiment}-{n}-{k}.arrow{lock}" for k in range(n) for lock in ("", ".lock")]
    names += [f"{experiment}-{n}-rdv.lock"] if n > 1 else []
    return [entry(f"{folder}/{name}", **about) for name in names]


def found(kind: str, *paths: str) -> List[Tuple[str, str]]:
    return [(one.kind, one.name) for one in leftovers.leftovers(kind, map(entry, paths))]


class TestRuns:
    def test_a_run_is_one_group(self) -> None:
        (one,) = leftovers.leftovers(METRICS, run())
        assert (one.kind, one.name, one.size) == ("run", "accuracy/default/e-3", 30)
        assert [item.name for item in one.data] == ["e-3-0.arrow", "e-3-1.arrow", "e-3-2.arrow"]
        assert len(one.locks) == 4

    def test_locks_are_taken_so_that_no_process_is_misled(self) -> None:
        """The rendezvous first, process 0 last."""
        (one,) = leftovers.leftovers(METRICS, run())
        names = [guard.name for guard in one.guards]
        assert names == ["e-3-rdv.lock", "e-3-2.arrow.lock", "e-3-1.arrow.lock", "e-3-0.arrow.lock"]

    def test_locks_that_are_missing_are_asked_for(self) -> None:
        (one,) = leftovers.leftovers(METRICS, [entry("m/c/e-4-2.arrow")])
        assert [guard.name for guard in one.guards] == [
            "e-4-rdv.lock",
            *(f"e-4-{number}.arrow.lock" for number in (3, 2, 1, 0)),
        ]
        assert all(guard.needed for guard in one.guards)

    def test_a_process_of_its_own_has_no_rendezvous(self) -> None:
        (one,) = leftovers.leftovers(METRICS, run(1, experiment="default_experiment-2fd0-91"))
        assert [guard.name for guard in one.guards] == ["default_experiment-2fd0-91-1-0.arrow.lock"]

    def test_experiments_are_told_apart(self) -> None:
        files = [*run(2), *run(3), *run(2, experiment="f"), *run(2, folder="bleu/x")]
        names = ["accuracy/default/e-2", "accuracy/default/e-3", "accuracy/default/f-2", "bleu/x/e-2"]
        assert [one.name for one in leftovers.leftovers(METRICS, files)] == names

    def test_locks_alone_are_lock_files(self) -> None:
        (one,) = leftovers.leftovers(METRICS, [item for item in run() if item.name.endswith(".lock")])
        assert (one.kind, one.data, len(one.guards)) == ("lock", (), 4)
        assert not any(guard.needed for guard in one.guards)

    def test_an_absurd_number_is_not_counted_to(self) -> None:
        (one,) = leftovers.leftovers(METRICS, [entry("e-900000-7.arrow"), entry("e-900000-7.arrow.lock")])
        assert [guard.name for guard in one.guards] == ["e-900000-rdv.lock", "e-900000-7.arrow.lock"]

    @pytest.mark.parametrize(
        "name", ["e-3-3.arrow", "e-3-01.arrow", "e-0-0.arrow", "x-rdv.lock", "-3-0.arrow", "e.arrow"]
    )
    def test_other_names_are_nobodys(self, name: str) -> None:
        assert found(METRICS, f"m/c/{name}") == []

    def test_data_of_somebody_else_are_not_taken_for_a_run(self) -> None:
        """In a folder that somebody names, ``sales-2020-12.arrow`` may be anything."""
        assert found(ANY, "x/sales-2020-12.arrow") == []
        assert found(DATASETS, "x/e-2-0.arrow", "x/e-2-0.arrow.lock") == []
        assert found(ANY, "x/e-2-0.arrow", "x/e-2-0.arrow.lock") == [("run", "x/e-2")]


class TestOthers:
    @pytest.mark.parametrize(
        ("kind", "path", "guards"),
        [
            (DATASETS, f"downloads/{HASH}.incomplete", [f"downloads/{HASH}.lock"]),
            (EVALUATE, f"downloads/{HASH}.{HASH}.py.incomplete", [f"downloads/{HASH}.{HASH}.py.lock"]),
            (DOWNLOADS, f"{HASH}.incomplete", [f"{HASH}.lock"]),
            (HUB, f"{HASH}.incomplete", [f"{HASH}.lock"]),
            (
                HUB,
                "models--a--b/blobs/abc.incomplete",
                [".locks/models--a--b/abc.lock", "models--a--b/blobs/abc.lock"],
            ),
            (
                HUB,
                "models--a--b/blobs/abc.0a1b2c3d.incomplete",
                [".locks/models--a--b/abc.lock", "models--a--b/blobs/abc.lock"],
            ),
        ],
    )
    def test_downloads(self, kind: str, path: str, guards: List[str]) -> None:
        (one,) = leftovers.leftovers(kind, [entry(path)])
        assert (one.kind, one.name) == ("download", path)
        assert [f"{guard.folder}/{guard.name}".lstrip("/") for guard in one.guards] == guards

    def test_a_dataset_that_was_not_finished(self) -> None:
        (one,) = leftovers.leftovers(DATASETS, [entry("csv/default/0.0.0/ab.incomplete", type=FOLDER)])
        assert one.kind == "preparation"
        assert [guard.name for guard in one.guards] == ["ab_builder.lock"]

    def test_a_folder_of_somebody_else_is_not_taken_for_a_dataset(self) -> None:
        """In a folder that somebody names, ``thesis.incomplete`` may be anything."""
        files = [entry("x/thesis.incomplete", type=FOLDER)]
        assert leftovers.leftovers(ANY, files) == []
        assert [one.kind for one in leftovers.leftovers(DATASETS, files)] == ["preparation"]
        lock = entry("x/thesis_builder.lock")
        assert [one.kind for one in leftovers.leftovers(ANY, [*files, lock])] == ["preparation", "lock"]

    def test_a_dataset_whose_lock_has_a_name_that_nobody_knows(self) -> None:
        assert leftovers.leftovers(DATASETS, [entry(f"{'x' * 244}.incomplete", type=FOLDER)]) == []

    @pytest.mark.parametrize(
        ("kind", "path"),
        [
            (DATASETS, "csv/default/tmp0a_b9xyz"),
            (EVALUATE, "downloads/tmpabcdefgh"),
            (HUB, "models--a--b/refs/main.0a1b2c3d.tmp"),
        ],
    )
    def test_temporary_files(self, kind: str, path: str) -> None:
        assert found(kind, path) == [("temporary", path)]

    @pytest.mark.parametrize("kind", [ANY, DATASETS, HUB, METRICS, MODULES])
    @pytest.mark.parametrize("name", ["try-0a.lock", "here-0a", "held-0a.lock", "xxx"])
    def test_what_a_doctor_left_that_was_killed(self, kind: str, name: str) -> None:
        assert found(kind, f".compatshim-doctor-{name}") == [("temporary", f".compatshim-doctor-{name}")]

    @pytest.mark.parametrize("kind", [ANY, DATASETS, HUB, METRICS, MODULES])
    def test_what_gather_left(self, kind: str) -> None:
        folder, file, words = (
            f".compatshim-{MAKER}-8-abc_d123",
            f"compatshim-{MAKER}-8-abc_d123.arrow",
            f".compatshim-gather-{'0a' * 10}.ended",
        )
        assert leftovers.is_whole(kind, "", folder)
        entries = [entry(folder, type=FOLDER), entry(file), entry(words)]
        told = [(one.kind, one.name) for one in leftovers.leftovers(kind, entries)]
        assert told == [("temporary", name) for name in sorted([folder, file, words])]

    def test_those_are_the_names_that_gather_gives(self, tmp_path: Path) -> None:
        kept = tempfile.mkdtemp(prefix=f".{spool.tag()}-", dir=tmp_path)
        (one,) = leftovers.leftovers(METRICS, [entry(os.path.basename(kept), type=FOLDER)])
        mine = POLICY._replace(maker=spool.host(), alive=lambda pid: pid == os.getpid())
        assert leftovers.objection(one, mine) == f"{one.name} is of process {os.getpid()}, which runs"
        assert len(leftovers.leftovers(METRICS, [entry(names.meeting("any job") + names.ENDED)])) == 1

    def test_a_temporary_folder(self) -> None:
        assert leftovers.is_whole(HUB, "", "tmpabcdefgh")
        (one,) = leftovers.leftovers(HUB, [entry("tmpabcdefgh", type=FOLDER)])
        assert one.kind == "temporary"

    @pytest.mark.parametrize(
        ("kind", "path"),
        [
            (HUB, ".locks/models--a--b/abc.lock"),
            (HUB, "models--a--b/blobs/abc.lock"),
            (DATASETS, "_root_csv_default.lock"),
            (DATASETS, "csv/default/0.0.0/ab_builder.lock"),
            (DATASETS, f"downloads/{HASH}.lock"),
            (MODULES, "datasets_modules/datasets/csv.lock"),
            (EVALUATE, f"downloads/{HASH}.py.lock"),
        ],
    )
    def test_lock_files(self, kind: str, path: str) -> None:
        assert found(kind, path) == [("lock", path)]
        assert [one.kind for one in leftovers.leftovers(kind, [entry(path, size=9)])] == ["marker"]

    @pytest.mark.parametrize(
        ("kind", "path"),
        [
            (HUB, "models--a--b/blobs/abc"),
            (HUB, "models--a--b/refs/main"),
            (HUB, "version.txt"),
            (DATASETS, "csv/default/0.0.0/ab/csv-train.arrow"),
            (DATASETS, f"downloads/{HASH}"),
            (DATASETS, f"downloads/{HASH}.json"),
            (DATASETS, "downloads/notes.incomplete"),
            (DATASETS, "project/uv.lock"),
            (ANY, "uv.lock"),
            (ANY, "tmpabcdefgh"),
            (MODULES, "datasets_modules/datasets/csv/ab/csv.py"),
            (MODULES, "transformers_modules/x.lock"),
            (EVALUATE, "downloads/tmp"),
        ],
    )
    def test_what_is_finished_or_unknown_is_not_looked_at(self, kind: str, path: str) -> None:
        assert found(kind, path) == []

    def test_most_of_a_hub_is_not_walked(self) -> None:
        assert [
            name for name in ("blobs", "refs", "snapshots") if leftovers.is_worth(HUB, "models--a--b", name)
        ] == [
            "blobs",
            "refs",
        ]
        assert not leftovers.is_worth(HUB, "", "xet")
        assert leftovers.is_worth(HUB, ".locks", "models--a--b")
        assert leftovers.is_worth(DATASETS, "a", "b")


class TestObjection:
    @pytest.mark.parametrize(
        ("about", "reason"),
        [
            ({}, ""),
            ({"changed": NOW - 6 * DAY}, YOUNG),
            ({"owners": frozenset({ME, 12})}, "e-3-0.arrow belongs to user 12"),
            ({"type": LINK}, "e-3-0.arrow is a symbolic link"),
            ({"type": OTHER}, "e-3-0.arrow is no regular file"),
            ({"unreadable": True}, "some of e-3-0.arrow cannot be read"),
        ],
    )
    @pytest.mark.parametrize("number", range(7))
    def test_one_file_keeps_the_group(self, about: Dict[str, Any], reason: str, number: int) -> None:
        files = run()
        files[number] = files[number]._replace(**about)
        (one,) = leftovers.leftovers(METRICS, files)
        assert leftovers.objection(one, POLICY) == reason.replace("e-3-0.arrow", files[number].name)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("8\nhere\n", ""),
            ("8\nhere\n123\n", ""),
            ("7\nhere\n", "a marker of process 7, which runs"),
            ("8\nthere\n", "a marker of process 8 on there, which cannot be asked from here"),
            ("8\nhere", "something that no tool known here writes"),  # cut short
            ("0\nhere\n", "something that no tool known here writes"),
            ("-1\nhere\n", "something that no tool known here writes"),
            ("version = 1\n", "something that no tool known here writes"),
            ("filelock/released\n", "something that no tool known here writes"),
        ],
    )
    def test_a_marker(self, text: str, reason: str) -> None:
        path = ".locks/models--a--b/abc.lock"
        (one,) = leftovers.leftovers(HUB, [entry(path, size=len(text), marker=text)])
        assert leftovers.objection(one, POLICY).endswith(reason)
        assert bool(leftovers.objection(one, POLICY)) == bool(reason)

    @pytest.mark.parametrize(
        ("maker", "pid", "days", "reason"),
        [
            (MAKER, 8, 9, ""),
            (MAKER, 7, 9, "{} is of process 7, which runs"),
            ("f" * 12, 8, 9, "{} is of a process elsewhere, which cannot be asked from here"),
            # Before this machine was started: of nobody who is still there, whatever runs under that number now.
            ("f" * 12, 8, 21, ""),
            (MAKER, 7, 21, ""),
            (MAKER, 8, 6, YOUNG),
        ],
    )
    def test_rows_of_a_process(self, maker: str, pid: int, days: float, reason: str) -> None:
        name = f".compatshim-{maker}-{pid}-abcdefgh"
        (one,) = leftovers.leftovers(METRICS, [entry(f"m/c/{name}", type=FOLDER, changed=NOW - days * DAY)])
        assert leftovers.objection(one, POLICY) == reason.format(name)

    @pytest.mark.parametrize(("maker", "pid"), [(MAKER, 7), ("f" * 12, 8)])
    def test_rows_of_evaluate_that_gather_named_for_a_process(self, maker: str, pid: int) -> None:
        name = f"e-compatshim-{maker}-{pid}-{'0a' * 8}-2-1.arrow"
        (one,) = leftovers.leftovers(METRICS, [entry(f"m/c/{name}")])
        assert one.kind == "run"
        assert leftovers.objection(one, POLICY).startswith(f"{name} is of ")
        gone = POLICY._replace(maker=maker, alive=lambda _: False)
        assert not leftovers.objection(one, gone)

    def test_lock_files_stay_unless_asked_for(self) -> None:
        (one,) = leftovers.leftovers(HUB, [entry(".locks/models--a--b/abc.lock")])
        assert leftovers.objection(one, POLICY) == KEPT
        assert leftovers.objection(one, POLICY._replace(lock_files=True)) == ""

    def test_a_lock_file_with_another_name(self) -> None:
        files = run()
        files[1] = files[1]._replace(links=2)
        (one,) = leftovers.leftovers(METRICS, files)
        assert leftovers.objection(one, POLICY) == "e-3-0.arrow.lock has other names (hard links)"


FILES = st.builds(
    entry,
    st.builds(
        "{}{}-{}-{}".format,
        st.sampled_from(["", "a/b/", "downloads/"]),
        st.sampled_from(["e", "f-1", "e-2-0.arrow"]),
        st.integers(1, 3),
        st.sampled_from(["0.arrow", "1.arrow", "2.arrow", "0.arrow.lock", "1.arrow.lock", "rdv.lock", "x"]),
    )
    | st.sampled_from([f"downloads/{HASH}.incomplete", f"{HASH}.lock", "a/b/tmpabcdefgh", "a/b/data.arrow"]),
    type=st.sampled_from([FILE, FILE, FILE, LINK]),
    changed=st.sampled_from([NOW - 9 * DAY, NOW - 8 * DAY, NOW - DAY, NOW + DAY]),
    owners=st.sampled_from([frozenset({ME}), frozenset({ME}), frozenset({12})]),
    links=st.sampled_from([1, 1, 2]),
    marker=st.sampled_from(["", "7\nhere\n", "8\nhere\n"]),
)
LISTINGS = st.lists(FILES, max_size=20, unique_by=lambda one: one.path)


class TestLaws:
    @given(st.sampled_from([ANY, DATASETS, DOWNLOADS, EVALUATE, HUB, METRICS, MODULES]), LISTINGS)
    def test_every_file_is_in_one_group_at_most_and_none_is_invented(self, kind: str, files: List[Entry]) -> None:
        told = [item for one in leftovers.leftovers(kind, files) for item in one.entries]
        assert len(told) == len({item.path for item in told})
        assert set(told) <= set(files)

    @given(LISTINGS, st.randoms())
    def test_the_order_of_the_listing_does_not_matter(self, files: List[Entry], random: Any) -> None:
        shuffled = list(files)
        random.shuffle(shuffled)
        assert leftovers.leftovers(METRICS, shuffled) == leftovers.leftovers(METRICS, files)

    @given(st.sampled_from([ANY, METRICS]), LISTINGS)
    @example(METRICS, [entry("e-1-0.arrow"), entry("e-1-rdv.lock")])
    def test_what_goes_is_old_and_mine_and_whole(self, kind: str, files: List[Entry]) -> None:
        for one in leftovers.leftovers(kind, files):
            if leftovers.objection(one, POLICY):
                continue
            assert all(NOW - item.changed >= POLICY.age for item in one.entries)
            assert all(item.owners == {ME} and item.type == FILE for item in one.entries)
            if one.kind == "run":
                # Nothing of the same run stays behind unasked.
                start = re.compile(re.escape(one.name) + r"-(\d+\.arrow(\.lock)?|rdv\.lock)")
                same = {item.path for item in files if start.fullmatch(item.path)}
                assert {item.path for item in one.entries} >= {path for path in same if number(path) < size(one)}

    @given(LISTINGS)
    def test_own_locks_are_among_those_that_are_taken(self, files: List[Entry]) -> None:
        for one in leftovers.leftovers(METRICS, files):
            taken = [(guard.folder, guard.name) for guard in one.guards]
            assert len(taken) == len(set(taken))
            assert {(item.folder, item.name) for item in one.locks} <= set(taken)

    @given(LISTINGS, st.floats(0, 20 * DAY))
    def test_more_patience_removes_less(self, files: List[Entry], more: float) -> None:
        later = POLICY._replace(age=POLICY.age + more)
        for one in leftovers.leftovers(METRICS, files):
            assert not leftovers.objection(one, POLICY) or leftovers.objection(one, later)

    @given(st.text(max_size=40))
    def test_any_text_may_be_in_a_lock_file(self, text: str) -> None:
        told = leftovers.marker(text)
        assert told is None or (told.pid > 0 and told.host in text)


def number(path: str) -> int:
    """The lowest process that the file needs beside it: one process alone has no rendezvous."""
    told = re.search(r"-(\d+)\.arrow", path[path.rindex("-") :])
    return int(told[1]) if told else 1


def size(one: Leftover) -> int:
    return int(one.name.rpartition("-")[2])
