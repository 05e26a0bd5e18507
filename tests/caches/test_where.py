"""Which caches the libraries use: the rules, and what real releases of the libraries say."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

import pytest

from compatshim.caches import where
from compatshim.caches.where import Cache

HOME = {"HOME": "/home/me"}


def told(**environ: str) -> Dict[str, str]:
    return {cache.kind: cache.path for cache in where.caches({**HOME, **environ})}


def test_defaults() -> None:
    base = "/home/me/.cache/huggingface"
    kinds = ("hub", "datasets", "metrics", "evaluate", "modules")
    assert where.caches(HOME) == tuple(Cache(kind, f"{base}/{kind}", "default") for kind in kinds)


def test_each_variable_moves_its_own() -> None:
    assert told(XDG_CACHE_HOME="/x")["metrics"] == "/x/huggingface/metrics"
    found = told(HF_HOME="~/hf", XDG_CACHE_HOME="/x", HF_METRICS_CACHE="/m", HF_HUB_CACHE="~/h")
    assert found == {
        "hub": "/home/me/h",
        "datasets": "/home/me/hf/datasets",
        "metrics": "/m",
        "evaluate": "/home/me/hf/evaluate",
        "modules": "/home/me/hf/modules",
    }
    sources = {cache.kind: cache.source for cache in where.caches({"HF_HOME": "/h", "HF_DATASETS_CACHE": "/d"})}
    assert (sources["hub"], sources["datasets"]) == ("HF_HOME", "HF_DATASETS_CACHE")


def test_only_new_releases_of_the_hub_expand_variables() -> None:
    found = where.caches({"HF_HOME": "/h/$USER/${TEAM}/$NONE", "USER": "me", "TEAM": "us"})
    assert [cache.path for cache in found if cache.kind == "hub"] == [
        "/h/me/us/$NONE/hub",
        "/h/$USER/${TEAM}/$NONE/hub",
    ]
    assert [cache.path for cache in found if cache.kind == "datasets"] == ["/h/$USER/${TEAM}/$NONE/datasets"]


def test_an_empty_variable_counts_as_it_does_for_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert told(HF_HOME="")["datasets"] == str(tmp_path / "datasets")


def test_one_folder_is_one_cache() -> None:
    found = where.caches({"HF_HOME": "/h", "HF_DATASETS_CACHE": "/h/metrics"})
    assert [cache.path for cache in found].count("/h/metrics") == 1


def test_what_is_in_a_folder_that_is_named(tmp_path: Path) -> None:
    assert where.given(str(tmp_path)) == (Cache("any", str(tmp_path), "--cache"),)
    (tmp_path / "metrics").mkdir()
    assert where.given(str(tmp_path)) == (Cache("metrics", str(tmp_path / "metrics"), "--cache"),)
    (tmp_path / "models--x--y").mkdir()
    assert where.given(str(tmp_path)) == (Cache("hub", str(tmp_path), "--cache"),)
