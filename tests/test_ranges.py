"""What open requirements force, get and allow; held against every installation that they allow."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Sequence, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.version import Version

from compatshim import ranges
from compatshim.analysis import Analysis
from compatshim.inventory import manifest
from compatshim.inventory.manifest import Contents, Demand
from compatshim.match import match
from compatshim.metadata.snapshot import Snapshot
from compatshim.model import Advisory, Catalog, Location
from tests.solve import test_newest, worlds
from tests.solve.test_newest import WANTED, WORLD, Releases
from tests.solve.worlds import advisory

MARKERS = {"python_full_version": "3.11.7", "python_version": "3.11", "sys_platform": "linux"}

KNOWN: Releases = {
    "app": {"1": ["lib"], "2": ["lib>=2"]},
    "lib": {"1": [], "2": [], "3": []},
    "tool": {"1": [], "2": ["lib<3"]},
}


def contents(*texts: str) -> Contents:
    found: List[Demand] = []
    for number, text in enumerate(texts, start=1):
        constraint = text.startswith("-c ")
        one = manifest.demand(text[3:] if constraint else text, Location("requirements.txt", number))
        assert one is not None
        found.append(one._replace(constraint=constraint))
    return Contents((), tuple(found))


def judge(
    *texts: str, known: Releases = KNOWN, advisories: Sequence[Advisory] = (), allowed: bool = False
) -> Analysis:
    asked = ranges.asked(contents(*texts), MARKERS)
    catalog = Catalog(tuple(advisories), "")
    return ranges.judge(asked, catalog, worlds.metadata(known), path="requirements.txt", allowed=allowed)


def versions(found: Analysis) -> Dict[str, str]:
    return {name: str(version) for name, version in found.inventory.versions().items()}


def findings(found: Analysis) -> List[Tuple[str, str]]:
    how = {(False, True): "certain", (True, True): "possible", (True, False): "allowed"}
    return [(one.advisory.title, how[one.possible, one.fresh]) for one in found.findings]


OLD_LIB = advisory(1, {"lib": [("0", "2")]})
NEW_LIB = advisory(2, {"lib": [("3", None)]})
EVERY_LIB = advisory(3, {"lib": [("0", None)]})
PAIR = advisory(4, {"app": [("2", None)], "lib": [("3", None)]})


@pytest.mark.parametrize(
    ("texts", "advisories", "expected"),
    [
        (["app"], [OLD_LIB], []),
        (["app"], [NEW_LIB], [("fault 2", "possible")]),
        (["app", "lib<2"], [OLD_LIB], [("fault 1", "certain")]),
        (["app==1", "-c lib<2"], [OLD_LIB], [("fault 1", "certain")]),
        (["app"], [EVERY_LIB], [("fault 3", "certain")]),
        (["app"], [PAIR], [("fault 4", "possible")]),
        (["app", "lib>=3"], [PAIR], [("fault 4", "possible")]),
        (["app>=2", "lib>=3"], [PAIR], [("fault 4", "certain")]),
        (["app==2", "lib==3"], [PAIR], [("fault 4", "certain")]),
        # Each can be avoided, but not both: no version of lib is good.
        (["app"], [NEW_LIB, advisory(5, {"lib": [("0", "3")]})], [("fault 2", "certain")]),
        (["tool==1"], [NEW_LIB, PAIR], []),
        (["app ; python_version < '3'"], [EVERY_LIB], []),
    ],
)
def test_certain_possible_clean(
    texts: List[str], advisories: List[Advisory], expected: List[Tuple[str, str]]
) -> None:
    assert findings(judge(*texts, advisories=advisories)) == expected


def test_what_older_versions_would_give_is_told_when_asked() -> None:
    found = judge("app", advisories=[OLD_LIB, NEW_LIB], allowed=True)
    assert findings(found) == [("fault 1", "allowed"), ("fault 2", "possible")]
    assert found.findings[0].versions == (("lib", Version("1")),)  # with app 1; app 2 does not take it
    assert findings(judge("app>=2", advisories=[OLD_LIB], allowed=True)) == []
    # That tool has something to do with lib does not bring lib.
    assert findings(judge("tool==1", advisories=[EVERY_LIB], allowed=True)) == []


def test_the_inventory_is_what_is_installed_today_with_the_lines_that_bring_it() -> None:
    found = judge("tool", "App>=1", advisories=[EVERY_LIB])
    assert versions(found) == {"tool": "2", "app": "2", "lib": "2"}
    lines = {name: [str(place) for place in one.locations] for name, one in found.inventory.distributions.items()}
    assert lines == {"tool": ["requirements.txt:1"], "app": ["requirements.txt:2"], "lib": ["requirements.txt:1"]}
    assert found.inventory.distributions["app"].requires == ("lib>=2",)
    assert found.inventory.distributions["app"].name == "App"
    assert found.inventory.path == "requirements.txt"


def test_what_is_not_known_counts_only_where_there_is_something_to_find() -> None:
    assert judge("other>=1", advisories=[EVERY_LIB]).inventory.unread == ()
    found = judge("other>=1", "pinned==3", "lib", advisories=[EVERY_LIB])
    assert versions(found) == {"lib": "3", "pinned": "3"}
    ((place, reason, project),) = found.inventory.unread
    assert (place, project) == ("requirements.txt:1", "other")
    assert "made up does not know it" in reason


def test_a_version_that_is_newer_than_all_that_is_known_is_taken_as_it_is() -> None:
    found = judge("lib==9", "app", advisories=[NEW_LIB])
    assert versions(found) == {"lib": "9", "app": "2"}
    assert findings(found) == [("fault 2", "certain")]


def test_contradictions_are_told_and_exact_versions_still_judged() -> None:
    found = judge("app>=2", "lib==1", advisories=[OLD_LIB])
    assert versions(found) == {"lib": "1"}
    assert findings(found) == [("fault 1", "certain")]
    assert [one.where for one in found.inventory.unread] == ["requirements.txt:1", "requirements.txt:2"]
    assert found.inventory.unread[0].reason.endswith(
        "made up has no versions that satisfy all requirements; "
        "see app>=2 (requirements.txt:1) and lib==1 (requirements.txt:2)"
    )
    ((place, reason, _),) = judge("lib>3", "lib<1", "tool>=2", "app>=2", "app<2").inventory.unread
    assert (place, reason) == (
        "requirements.txt",
        "was judged by its exact versions alone: the made up has no versions that satisfy all requirements",
    )


@pytest.mark.parametrize(
    ("texts", "closed"),
    [
        (["app==2", "lib==3"], True),
        (["app==2"], False),
        (["app==2", "lib"], False),
        (["lib==3", "other==1"], True),
        (["lib==9"], True),
        ([], True),
    ],
)
def test_closed(texts: List[str], closed: bool) -> None:
    assert ranges.closed(ranges.asked(contents(*texts), MARKERS), worlds.metadata(KNOWN)) is closed


def test_extras_bring_what_they_ask_for() -> None:
    known: Releases = {"app": {"1": ["lib ; extra == 'x'"]}, "lib": {"1": []}}
    assert versions(judge("app", known=known)) == {"app": "1"}
    found = judge("app[x]", known=known)
    assert versions(found) == {"app": "1", "lib": "1"}
    assert [str(place) for place in found.inventory.distributions["lib"].locations] == ["requirements.txt:1"]
    for texts, expected in ((["app==1"], True), (["app[x]==1"], False)):
        assert ranges.closed(ranges.asked(contents(*texts), MARKERS), worlds.metadata(known)) is expected


TERMS = st.dictionaries(
    st.sampled_from(test_newest.NAMES),
    st.sampled_from([(("0", "2"),), (("2", None),), (("1", "3"),), (("0", None),)]),
    min_size=1,
    max_size=2,
)


@given(WORLD, st.lists(WANTED, min_size=1, max_size=2), st.lists(TERMS, min_size=1, max_size=3))
def test_against_every_installation(
    world: Releases, wanted: List[str], terms: List[Mapping[str, Sequence[Tuple[str, Optional[str]]]]]
) -> None:
    known = {
        name: {version: [t for t in texts if not t.startswith(name)] for version, texts in sorted(several.items())}
        for name, several in world.items()
    }
    if any(text.endswith("==1") and "1" not in known[text[0]] for text in wanted):
        return  # a version of one's own, of which nothing is known
    advisories = [advisory(number, one) for number, one in enumerate(terms, start=1)]
    found = judge(*wanted, known=known, advisories=advisories, allowed=True)
    # What a resolver may install: a choice that satisfies everything, of what somebody asks for.
    installations = [
        {name: version for name, version in state.items() if version is not None and name in asked}
        for state in test_newest.everything(known, wanted)
        for asked in [test_newest.supported(known, wanted, state)]
    ]
    if not installations:
        assert found.inventory.unread
        return
    catalog = Catalog(tuple(advisories), "")
    hit = [{one.advisory.id for one in match(one, catalog)} for one in installations]
    for one in found.findings:
        identifier = one.advisory.id
        if one.possible:
            assert any(identifier in those for those in hit)
        else:
            assert all(identifier in those for those in hit) or all(hit)
    reported = {one.advisory.id for one in found.findings}
    assert reported >= set.intersection(*hit)
    assert reported == set.union(*hit)
    fresh = {one.advisory.id for one in found.findings if one.fresh}
    assert fresh == {one.advisory.id for one in match(found.inventory.versions(), catalog)}


def test_real_requirements() -> None:
    """The founding story, as people write it: what filelock is, is left to the resolver."""
    from compatshim import compiled

    snapshot = Snapshot.bundled()
    asked = ranges.asked(contents("evaluate==0.4.1", "datasets==2.16.1"), MARKERS)
    found = ranges.judge(asked, compiled.load(), snapshot, path="requirements.txt")
    how = {one.advisory.id: one.possible for one in found.findings}
    assert how["CSA-2026-0001"] is True  # filelock 3.9 avoids it
    assert found.inventory.distributions["filelock"].locations == (Location("requirements.txt", 1),) or (
        found.inventory.distributions["filelock"].locations == (Location("requirements.txt", 2),)
    )
    assert Requirement("filelock").name in found.inventory.distributions
