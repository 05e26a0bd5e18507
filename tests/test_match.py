from __future__ import annotations

import random
from typing import Dict, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from compatshim import catalog
from compatshim.match import judge, match
from compatshim.model import Advisory, Catalog, Certainty

CATALOG = catalog.load()


def versions(**found: str) -> Dict[str, Version]:
    return {project.replace("_", "-"): Version(version) for project, version in found.items()}


@pytest.mark.parametrize(
    ("found", "ids"),
    [
        (versions(), ()),
        (versions(numpy="2"), ()),
        (versions(evaluate="0.4.1", datasets="2.16.1"), ("0006", "0051")),
        (
            versions(evaluate="0.4.1", datasets="2.16.1", filelock="3.12.0"),
            ("0001", "0002", "0006", "0007", "0051"),
        ),
        (
            versions(evaluate="0.4.1+v", datasets="2.16.1+v", filelock="3.12.0+v"),
            ("0001", "0002", "0006", "0007", "0051"),
        ),
        (versions(evaluate="0.4.2", datasets="2.15.0", filelock="3.24.0"), ("0003", "0006", "0051")),
        (versions(huggingface_hub="1.4.1", filelock="3.9.0"), ("0004", "0007")),
    ],
)
def test_findings(found: Dict[str, Version], ids: Tuple[str, ...]) -> None:
    assert tuple(finding.advisory.id[-4:] for finding in match(found, CATALOG)) == ids


@pytest.mark.parametrize(
    ("datasets", "certainty"),
    [("2.16.0", Certainty.VERIFIED), ("5.2.0", Certainty.VERIFIED), ("5.2.1", Certainty.UNVERIFIED)],
)
def test_certainty(datasets: str, certainty: Certainty) -> None:
    found = judge(
        CATALOG.advisory("csa-2026-0001"), versions(evaluate="0.4.1", datasets=datasets, filelock="3.12.0")
    )
    assert found is not None
    assert found.certainty is certainty
    assert found.versions == (
        ("evaluate", Version("0.4.1")),
        ("datasets", Version(datasets)),
        ("filelock", Version("3.12.0")),
    )


ANY = st.dictionaries(
    st.sampled_from([*CATALOG.projects, "numpy"]),
    st.sampled_from(
        ["0.4.1", "0.4.2", "1.4.1", "2.16.1", "2.17.0", "3.9.0", "3.12.0", "3.31.0", "99", "1.0+x"]
    ).map(Version),
)


@given(found=ANY, seed=st.randoms(use_true_random=False))
def test_order_never_matters(found: Dict[str, Version], seed: random.Random) -> None:
    shuffled = list(found.items())
    seed.shuffle(shuffled)
    advisories = list(CATALOG.advisories)
    seed.shuffle(advisories)
    findings = match(found, CATALOG)
    assert match(dict(shuffled), CATALOG) == findings
    assert set(match(found, Catalog(tuple(advisories), ""))) == set(findings)
    # Nor does the order of an advisory's terms decide whether it holds.
    for advisory in advisories:
        turned = judge(advisory._replace(terms=advisory.terms[::-1]), found)
        assert (turned is None) == (judge(advisory, found) is None)


@given(found=ANY)
def test_less_is_never_worse(found: Dict[str, Version]) -> None:
    ids = {finding.advisory.id for finding in match(found, CATALOG)}
    for project in found:
        fewer = {name: version for name, version in found.items() if name != project}
        assert {finding.advisory.id for finding in match(fewer, CATALOG)} <= ids


@pytest.mark.parametrize("advisory", CATALOG.advisories, ids=lambda advisory: advisory.id)
def test_what_was_run_is_what_the_ranges_say(advisory: Advisory) -> None:
    assert advisory.verified
    for row in advisory.verified:
        bad = judge(advisory, dict(row.versions)) is not None
        assert bad == (row.outcome != "good"), row
