"""The frozen environments are what their definitions say, and what building them gives."""

from __future__ import annotations

import lzma
import os

import pytest

from compatshim import compiled
from compatshim.inventory import environment as reader
from compatshim.kb import environments
from compatshim.match import match
from tests import freeze, frozen
from tests.e2e import support
from tests.frozen import Frozen

FROZEN = frozen.load()


@pytest.mark.parametrize("one", FROZEN.values(), ids=list(FROZEN))
def test_an_environment_is_what_its_definition_says(one: Frozen) -> None:
    held = one.inventory.distributions
    assert len(held) >= one.definition.size
    assert one.inventory.markers["python_version"] == one.python
    assert {"evaluate", "datasets", "filelock"} <= set(held)
    assert not set(one.definition.without) & set(held)
    versions = one.inventory.versions()
    for text in one.definition.forced:
        project, _, version = text.partition("==")
        assert str(versions[project]) == version
    assert tuple(finding.advisory.id for finding in match(versions, compiled.load())) == one.definition.findings


def test_they_are_many_and_differ() -> None:
    sizes = sorted(len(one.inventory.distributions) for one in FROZEN.values())
    assert len(sizes) >= 22
    assert sum(size >= 250 for size in sizes) >= 6
    assert {one.python for one in FROZEN.values()} == {"3.8", "3.9", "3.10", "3.11", "3.12", "3.13"}


def test_the_large_one_holds_the_founding_story() -> None:
    large = FROZEN["large"]
    assert large.python == "3.11"
    assert len(large.inventory.distributions) >= 300
    assert {f"{project}=={version}" for project, version in support.STORY.items()} <= set(large.pins)


def test_the_file_is_small_and_says_nothing_of_the_machine_that_made_it() -> None:
    assert os.path.getsize(frozen.FIXTURE) < 600_000
    markers = [one.inventory.markers for one in FROZEN.values()]
    assert {text for one in markers for text in (one["platform_release"], one["platform_version"])} == {""}


def test_what_was_read_is_written_again_to_the_byte() -> None:
    with open(frozen.FIXTURE, "rb") as file:
        kept = lzma.decompress(file.read())
    written = frozen.dump({name: one.inventory for name, one in FROZEN.items()})
    assert lzma.decompress(written) == kept


@pytest.mark.e2e
def test_a_frozen_environment_is_what_building_it_gives() -> None:
    one = FROZEN["virtualenv"]
    support.python(one.python)
    made = freeze.freeze(one.definition)
    assert made.distributions == one.inventory.distributions
    differing = {name for name, text in made.markers.items() if text != one.inventory.markers[name]}
    # Another patch release of Python, on another machine.
    assert differing <= {*frozen.MACHINE, "python_full_version", "implementation_version", "platform_machine"}


@pytest.mark.e2e
def test_a_copy_made_from_the_pins_reads_the_same(tmp_path: os.PathLike[str]) -> None:
    one = FROZEN["virtualenv"]
    copied = environments.build(
        environments.Spec(support.python(one.python), one.pins, options=("--no-deps",)), cache=str(tmp_path)
    )
    read = reader.of(copied.python)
    assert read.versions() == one.inventory.versions()
    assert all(
        dist.requires == one.inventory.distributions[name].requires for name, dist in read.distributions.items()
    )
