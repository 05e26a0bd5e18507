from __future__ import annotations

from typing import Dict, List, Optional, Tuple

import pytest
from packaging.version import Version

from compatshim.kb import cases as planning
from compatshim.kb.cases import ROLES, Case, cases
from compatshim.kb.runs import Task
from compatshim.kb.worlds import Program
from compatshim.metadata.interface import Release
from tests.kb_support import HEAD, MINORS, Known, advisory


class TestCases:
    @pytest.fixture(autouse=True)
    def anchors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(planning, "ANCHORS", {"a": "2.0.7", "b": "0.1", "datasets": "2.14"})

    @pytest.fixture
    def found(self) -> Dict[str, Case]:
        return {case.why: case for case in cases(advisory(), Known(), MINORS)}

    def test_every_boundary_has_both_sides(self, found: Dict[str, Case]) -> None:
        planned = {
            why: (case.expected, [str(candidate) for candidate in case.candidates]) for why, case in found.items()
        }
        assert planned == {
            "anchor": ("bad", ["a 2.0, b 0.1"]),
            "a >=2.0,<3.0, first inside": ("bad", ["a 2.0, b 0.1", "a 2.1, b 0.1", "a 2.9, b 0.1"]),
            "a >=2.0,<3.0, last before": ("good", ["a 1.9, b 0.1", "a 1.8, b 0.1"]),
            "a >=2.0,<3.0, last inside": ("bad", ["a 2.9, b 0.1", "a 2.1, b 0.1", "a 2.0, b 0.1"]),
            "a >=2.0,<3.0, first after": ("good", ["a 3.0, b 0.1", "a 4.0, b 0.1"]),
            "a >=5.0, first inside": ("bad", ["a 5.0, b 0.1", "a 6.0, b 0.1"]),
            "a >=5.0, last before": ("good", ["a 4.0, b 0.1", "a 3.0, b 0.1", "a 1.9, b 0.1"]),
            "a >=5.0, last inside": ("bad", ["a 6.0, b 0.1", "a 5.0, b 0.1"]),
            "a >=5.0, newest": ("bad", ["a 7.0, b 0.1"]),
            "b <1.2, oldest that runs": ("bad", ["a 2.0, b 0.1", "a 2.0, b 1.0", "a 2.0, b 1.1"]),
            "b <1.2, last inside": ("bad", ["a 2.0, b 1.1", "a 2.0, b 1.0", "a 2.0, b 0.1"]),
            "b <1.2, first after": ("good", ["a 2.0, b 1.2", "a 2.0, b 1.3"]),
            "upgrade b>=1.2, c<3, lowest b": ("good", ["a 2.0, b 1.2", "a 2.0, b 1.3"]),
            "upgrade b>=1.2, c<3, newest b": ("good", ["a 2.0, b 1.3", "a 2.0, b 1.2"]),
        }

    def test_tasks(self, found: Dict[str, Case]) -> None:
        candidate = found["upgrade b>=1.2, c<3, newest b"].candidates[0]
        program = Program("name", "text", timeout=3)
        asked = ("a==2.0", "b==1.3", "pytz==2024.1")
        for shim in (False, True):
            task = Task("3.8", asked, ("c<3",), "name", "text", 3, shim)
            assert candidate.task("3.8", program, shim=shim) == task

    def test_roles(self, found: Dict[str, Case]) -> None:
        roles: Dict[str, str] = {why.split(", ")[-1]: case.role for why, case in found.items()}
        assert roles == {
            "anchor": "anchor",
            **dict.fromkeys(("first inside", "last inside", "oldest that runs"), "inside"),
            **dict.fromkeys(("last before", "first after"), "outside"),
            **dict.fromkeys(("lowest b", "newest b"), "remedy"),
            "newest": "newer",
        }
        assert set(roles.values()) == set(ROLES)

    def test_a_closed_range_is_held_against_the_newest_release(self) -> None:
        text = HEAD.replace(', {introduced="5.0",  last_checked="6.0"}', "")
        newest = {case.why: case for case in cases(advisory(text), Known(), MINORS)}["a >=2.0,<3.0, newest"]
        assert (newest.expected, newest.role) == ("good", "newer")
        assert [str(item) for item in newest.candidates] == ["a 7.0, b 0.1", "a 6.0, b 0.1", "a 5.0, b 0.1"]

    def test_pythons(self, found: Dict[str, Case]) -> None:
        def pythons(why: str) -> List[str]:
            return [*found[why].candidates[0].minors]

        assert pythons("b <1.2, last inside") == ["3.11", "3.12", "3.8"]
        assert pythons("b <1.2, oldest that runs") == ["3.8", "3.11", "3.12"]
        assert pythons("a >=5.0, last inside") == ["3.12"]

    def test_the_rest_is_of_its_time(self) -> None:
        text = HEAD.replace('"a"', '"datasets"').replace('"2.0", fixed = "3.0"', '"2.14", fixed = "2.16"')

        class Datasets(Known):
            def knows(self, project: str) -> bool:
                return bool(project)

            def releases(self, project: str) -> Optional[Tuple[Release, ...]]:
                if project == "datasets":
                    return tuple(Release(project, Version(text)) for text in ("2.14", "5.2"))
                return super().releases(project)

        planned = cases(advisory(text), Datasets(), MINORS)
        of_old = planned[0].candidates[0].constraints
        assert {"numpy<2", "pyarrow<20"} <= set(of_old)
        (of_new,) = {
            candidate.constraints for case in planned for candidate in case.candidates if "5.2" in str(candidate)
        }
        assert of_new == ()

    @pytest.mark.parametrize(
        ("anchors", "expected"),
        [
            ({}, "a 6.0, b 1.1"),
            ({"a": "2.0.7"}, "a 2.0, b 1.1"),
            ({"a": "3.5", "b": "0.0.1"}, "a 2.9, b 0.1"),
            ({"a": "1.0", "b": "9"}, "a 2.0, b 1.1"),
        ],
    )
    def test_anchor(self, monkeypatch: pytest.MonkeyPatch, anchors: Dict[str, str], expected: str) -> None:
        monkeypatch.setattr(planning, "ANCHORS", anchors)
        anchor = cases(advisory(), Known(), MINORS)[0]
        assert (anchor.why, str(anchor.candidates[0])) == ("anchor", expected)

    def test_projects_nobody_knows(self) -> None:
        text = HEAD.replace('project = "b"', 'project = "unknown"')
        assert cases(advisory(text), Known(), MINORS) == (Case("bad", "anchor", ()),)
