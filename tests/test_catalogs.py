"""An organisation's own advisories beside the bundled ones: where they come from, and what they may not do."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, List, Optional, Sequence, Tuple

import pytest

from compatshim import catalog, catalogs, compiled
from compatshim.catalogs import Source
from compatshim.model import CatalogError
from tests import support

BUNDLED = compiled.load()

ADVISORY = """\
schema_version = "1.0"
id = "{id}"
title = "The house's loader does not work with evaluate"
symptom = "{symptom}"
severity = "high"
root_cause = "The cause."

[[terms]]
project = "acme-loader"
ranges = [{{ introduced = "{introduced}", fixed = "{fixed}" }}]

[[terms]]
project = "evaluate"
ranges = [{{ introduced = "0.4.1", fixed = "0.4.2" }}]

[[remedies]]
kind = "upgrade"
constraints = ["acme-loader>={fixed}"]

[[remedies]]
kind = "shim"
shim = "{shim}"

[reproducer]
id = "acme_loader"

[[references]]
type = "REPORT"
url = "https://acme.example/1"
"""


def write(
    folder: Path,
    identifier: str = "ACME-2026-0001",
    *,
    introduced: str = "1",
    fixed: str = "2",
    symptom: str = "hang",
    shim: str = "acme_shims.loader",
) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    text = ADVISORY.format(id=identifier, introduced=introduced, fixed=fixed, symptom=symptom, shim=shim)
    (folder / f"{identifier}.toml").write_text(text, encoding="utf-8")
    return str(folder)


def load(*folders: str, allowed: Sequence[str] = ()) -> Any:
    others = [(Source(folder, "told"), catalog.load(folder, private=True)) for folder in folders]
    return catalogs.merged(BUNDLED, others, allowed)


class TestMerged:
    def test_nothing_added_is_the_bundled_catalog(self) -> None:
        assert catalogs.merged(BUNDLED, []) is BUNDLED

    def test_in_order_of_id_and_under_another_digest(self, tmp_path: Path) -> None:
        one, other = write(tmp_path / "1"), write(tmp_path / "2", "ZOO-2026-0001", introduced="2", fixed="3")
        both = load(one, other)
        ids = [advisory.id for advisory in both.advisories]
        assert ids == sorted([*(advisory.id for advisory in BUNDLED.advisories), "ACME-2026-0001", "ZOO-2026-0001"])
        assert len({BUNDLED.digest, load(one).digest, load(other).digest, both.digest}) == 4
        assert re.fullmatch("[0-9a-f]{12}", both.digest)
        assert both.proven == BUNDLED.proven

    def test_one_id_twice(self, tmp_path: Path) -> None:
        one, other = write(tmp_path / "1"), write(tmp_path / "2", introduced="5", fixed="6")
        with pytest.raises(CatalogError) as caught:
            load(one, other)
        first, second = (os.path.join(folder, "ACME-2026-0001.toml") for folder in (one, other))
        assert str(caught.value) == f"{second}: ACME-2026-0001 is also in {first}: give it another id"

    @pytest.mark.parametrize(
        ("introduced", "fixed", "symptom", "clash"),
        [
            ("1", "2", "hang", True),
            ("1.9", "3", "hang", True),
            ("0", "1.0.1", "hang", True),
            ("2", "3", "hang", False),
            ("0", "1", "hang", False),
            ("1", "2", "wrong-result", False),
        ],
    )
    def test_the_same_described_twice(
        self, introduced: str, fixed: str, symptom: str, *, clash: bool, tmp_path: Path
    ) -> None:
        one = write(tmp_path / "1")
        other = write(tmp_path / "2", "ZOO-2026-0001", introduced=introduced, fixed=fixed, symptom=symptom)
        if not clash:
            assert len(load(one, other).advisories) == len(BUNDLED.advisories) + 2
            return
        with pytest.raises(CatalogError) as caught:
            load(one, other)
        assert os.path.join(one, "ACME-2026-0001.toml") in str(caught.value)
        assert os.path.join(other, "ZOO-2026-0001.toml") in str(caught.value)

    @pytest.mark.parametrize("allowed", [(), ("acme",), ("acme_shims",)])
    def test_a_shim_is_a_mere_name_until_its_package_is_allowed(
        self, allowed: Tuple[str, ...], tmp_path: Path
    ) -> None:
        found = load(write(tmp_path), allowed=allowed).advisory("ACME-2026-0001")
        assert found.shims == (("acme_shims.loader",) if "acme_shims" in allowed else ())
        assert found.curable

    def test_ids_of_ours_are_ours(self, tmp_path: Path) -> None:
        folder = write(tmp_path, "CSA-2026-9999")
        with pytest.raises(CatalogError, match="ids that begin with CSA- are the bundled catalog's"):
            load(folder)

    def test_a_shim_of_ours_is_not_theirs(self, tmp_path: Path) -> None:
        folder = write(tmp_path, shim="datasets_lock_name")
        with pytest.raises(CatalogError, match="write the shim 'datasets_lock_name' with its package"):
            load(folder)


def found(
    options: Sequence[str] = (),
    variable: str = "",
    settings: Optional[Tuple[str, Sequence[str]]] = None,
    path: Sequence[str] = (),
) -> List[Source]:
    return [*catalogs.sources(options, {"COMPATSHIM_CATALOG": variable}, settings, path)]


class TestSources:
    def test_none(self) -> None:
        assert found() == []

    def test_all_kinds_each_folder_once(self, tmp_path: Path) -> None:
        site = tmp_path / "site"
        made = support.dist_info(site_folder(site), "acme-compat", "1.0")
        text = "[console_scripts]\nacme = acme:main\n\n[compatshim.catalogs]\nacme = acme_compat.advisories\n"
        (made / "entry_points.txt").write_text(text)
        a, b, c = (str(tmp_path / name) for name in "abc")
        pyproject = str(tmp_path / "pyproject.toml")
        assert found([a], os.pathsep.join(["", b, a]), (pyproject, ["c", "./b"]), [str(site), a]) == [
            Source(a, "--catalog"),
            Source(b, "COMPATSHIM_CATALOG"),
            Source(c, pyproject),
            Source(str(site / "acme_compat" / "advisories"), "entry point acme of acme_compat-1.0"),
        ]

    def test_a_damaged_file_of_entry_points(self, tmp_path: Path) -> None:
        made = support.dist_info(site_folder(tmp_path / "site"), "acme-compat", "1.0")
        (made / "entry_points.txt").write_text("compatshim.catalogs\n")
        with pytest.raises(CatalogError, match=re.escape(str(made / "entry_points.txt"))):
            found(path=[str(tmp_path / "site")])

    def test_a_folder_in_the_place_of_a_file_of_entry_points(self, tmp_path: Path) -> None:
        (tmp_path / "acme-1.dist-info" / "entry_points.txt").mkdir(parents=True)
        assert list(catalogs.sources([], {}, None, [str(tmp_path)])) == []

    def test_nothing_of_theirs_is_imported(self, tmp_path: Path) -> None:
        """The package would end the program if it were."""
        site = tmp_path / "site"
        made = support.dist_info(site_folder(site), "acme-compat", "1.0")
        (made / "entry_points.txt").write_text("[compatshim.catalogs]\nacme = acme_compat:advisories\n")
        write(site / "acme_compat" / "advisories", shim="acme_compat.fix")
        (site / "acme_compat" / "__init__.py").write_text("raise SystemExit('imported')\n")
        for project, version in {"acme-loader": "1.5", "evaluate": "0.4.1"}.items():
            support.dist_info(site, project, version)
        done = check([], site, tmp_path)
        assert done.code == 1, done.err
        assert "ACME-2026-0001  error" in done.out
        assert "acme-loader 1.5" in done.out
        assert "imported" not in done.err + done.out


def site_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def check(options: Sequence[str], site: Path, cwd: Path, **variables: str) -> support.Completed:
    """``check`` of an environment that holds compatshim's own and what is in ``site``."""
    code = (
        f"import sys; sys.path[:0] = [{os.path.dirname(support.PACKAGE)!r}, {str(site)!r}]\n"
        f"from compatshim.__main__ import main; sys.exit(main({['check', *options]!r}))"
    )
    return support.start([sys.executable, "-B", "-c", code], env=variables, cwd=str(cwd))


@pytest.mark.parametrize("way", ["option", "variable", "file"])
def test_the_command_line_reads_them(way: str, tmp_path: Path) -> None:
    site = site_folder(tmp_path / "site")
    for project, version in {"acme-loader": "1.5", "evaluate": "0.4.1"}.items():
        support.dist_info(site, project, version)
    folder = write(tmp_path / "house" / "advisories")
    options = {"option": ["--catalog", folder]}.get(way, [])
    if way == "file":
        (tmp_path / "pyproject.toml").write_text('[tool.compatshim]\ncatalogs = ["house/advisories"]\n')
    variables = {"COMPATSHIM_CATALOG": folder} if way == "variable" else {}
    done = check(["--format", "json", *options], site, tmp_path, **variables)
    content = json.loads(done.out)
    assert "ACME-2026-0001" in [item["id"] for item in content["findings"]]
    assert content["catalog"] != BUNDLED.digest
    without = json.loads(check(["--format", "json"], site, Path(os.sep)).out)
    assert "ACME-2026-0001" not in [item["id"] for item in without["findings"]]
    assert without["catalog"] == BUNDLED.digest


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = check(["--catalog", str(tmp_path / "nowhere")], site_folder(tmp_path / "site"), tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"compatshim: {tmp_path / 'nowhere'}: cannot list the advisories")
