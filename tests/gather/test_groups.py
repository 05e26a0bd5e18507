"""Which group a process is in, how ranks tell jobs apart, and the public function."""

from __future__ import annotations

import os
from typing import Any, Dict, List

import pytest

from compatshim.gather import groups, origin
from compatshim.gather.rendezvous import Address

LAUNCHED = {"RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "host", "MASTER_PORT": "29500"}
SLURM = {
    "SLURM_PROCID": "2",
    "SLURM_NTASKS": "8",
    "SLURM_JOB_ID": "77",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NODELIST": "node[03-07,12],other",
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("RANK", "WORLD", "MASTER", "SLURM", "TORCHELASTIC", "COMPATSHIM")):
            monkeypatch.delenv(name)


def found(wanted: str = "auto") -> List[Any]:
    return [(group.kind, group.rank, group.world) for group in groups.find(wanted)]


class TestGroups:
    def test_none(self) -> None:
        assert found() == []

    def test_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in LAUNCHED.items():
            monkeypatch.setenv(name, value)
        assert found() == found("env") == [("env", 1, 4)]
        assert found("mpi") == found("torch") == found("files") == []
        (group,) = groups.find("auto")
        meeting = group.rendezvous()
        assert isinstance(meeting, Address)
        assert not meeting.sure
        assert (meeting.host, list(meeting.ports())) == ("host", list(range(29501, 29509)))
        token = meeting.token()
        monkeypatch.setenv(groups.TOKEN, "secret")
        again = group.rendezvous()
        assert groups.find("env")[0].rendezvous().token() != token
        assert again.sure == meeting.sure

    @pytest.mark.parametrize("name", LAUNCHED)
    @pytest.mark.parametrize("value", ["", "x"])
    def test_half_an_environment(self, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
        if (name, value) == ("MASTER_ADDR", "x"):
            return
        for one, given in {**LAUNCHED, name: value}.items():
            monkeypatch.setenv(one, given)
        assert found() == []

    def test_slurm(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in SLURM.items():
            monkeypatch.setenv(name, value)
        assert found() == [("slurm", 2, 8)]
        meeting = groups.find("auto")[0].rendezvous()
        assert isinstance(meeting, Address)
        assert meeting.sure
        assert meeting.host == "node03"
        monkeypatch.setenv("SLURM_STEP_ID", "1")
        assert groups.find("auto")[0].rendezvous().token() != meeting.token()
        monkeypatch.delenv("SLURM_STEP_ID")
        assert not groups.find("auto")[0].rendezvous().sure

    def test_a_word_that_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import compatshim
        from compatshim.startup import notices

        monkeypatch.setattr(notices, "_said", set())
        monkeypatch.setenv(groups.SETTING, "sockets")
        with pytest.warns(compatshim.CompatshimWarning, match="is not one of auto, off"):
            assert groups.mode() == "auto"
        monkeypatch.setenv(groups.SETTING, "mpi")
        assert groups.mode() == "mpi"

    def test_a_port_at_the_end(self) -> None:
        assert max(Address("h", 65535, [], sure=True).ports()) < 65535


def process(rank: int, *argv: str, **changed: Any) -> Dict[str, Any]:
    import sys

    real = sys.argv
    sys.argv = list(argv)
    try:
        return {**origin.mine(rank), "pid": 1000 + rank, "family": 1000 + rank, "child": False, **changed}
    finally:
        sys.argv = real


class TestSameJob:
    def test_arguments(self) -> None:
        one = process(0, "eval.py", "--rank", "0", "--seed=1")
        assert origin.same_job(one, process(1, "eval.py", "--rank", "1", "--seed=1"))
        assert not origin.same_job(one, process(1, "eval.py", "--rank", "1", "--seed=2"))
        assert not origin.same_job(one, process(1, "eval.py", "--rank", "1"))
        assert not origin.same_job(one, process(1, "other.py", "--rank", "1", "--seed=1"))
        assert origin.same_job(process(0, "run0/out-0.txt"), process(1, "run0/out-1.txt"))
        assert not origin.same_job(process(0, "run0/out-0.txt"), process(1, "run1/out-2.txt"))

    def test_many_arguments(self) -> None:
        many = [str(number) for number in range(100, 300)]
        assert origin.same_job(process(0, *many), process(1, *many))
        assert not origin.same_job(process(0, *many), process(1, *many[:-1], "x"))

    def test_a_parent_and_its_child(self) -> None:
        assert origin.same_job(process(0, "main.py"), process(1, "worker.py", parent=1000))
        assert not origin.same_job(process(0, "main.py"), process(1, "worker.py", parent=1000, host="another"))

    def test_children_of_multiprocessing(self) -> None:
        one = process(0, "x", family=7, child=True)
        assert origin.same_job(one, process(1, "x", family=7, child=True))
        assert not origin.same_job(one, process(1, "x", family=8, child=True))
        assert not origin.same_job(one, process(1, "x"))
        assert origin.same_job(one, process(1, "x", family=8, child=True, host="another"))
