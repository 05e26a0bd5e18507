"""The start-up index of an organisation's catalog: where it goes, what it needs, and that nothing is run for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Tuple

import pytest

from compatshim.cli import CLEAN, ERROR, FINDINGS, main
from tests.test_catalogs import write

SHIM = 'raise SystemExit("run")\nMODULES = ("acme_loader", "acme_loader.more")\n'


def package(folder: Path, *, inside: str = "advisories", text: str = SHIM, **advisory: str) -> Tuple[str, Path]:
    """A package with a shim and a catalog; the folder of the latter, and where the index belongs."""
    root = folder / "acme_shims"
    found = write(root / inside, **advisory)
    (root / "loader.py").write_text(text)
    (root / "__init__.py").write_text('raise SystemExit("imported")\n')
    return found, root / "index.txt"


@pytest.mark.parametrize("inside", ["advisories", ""])
def test_is_written_into_the_package(inside: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, index = package(tmp_path, inside=inside)
    assert main(["kb", "compile", "--check", "--catalog", folder]) == FINDINGS
    assert f"kb compile --catalog {folder}" in capsys.readouterr().err
    assert main(["kb", "compile", "--catalog", folder]) == CLEAN
    assert capsys.readouterr().err == f"compatshim: {index}: written (1 advisories)\n"
    assert main(["kb", "compile", "--check", "--catalog", folder]) == CLEAN
    (row,) = (line.split("\t") for line in index.read_text().split("\n") if "\t" in line)
    assert row[1:3] == ["ACME-2026-0001", "acme_shims.loader=acme_loader,acme_loader.more"]
    assert row[4] == "hang"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("modules = ()", "has no MODULES"),
        ("MODULES = ()", "MODULES is not a tuple of names"),
        ("MODULES = ('a', 1)", "MODULES is not a tuple of names"),
        ("MODULES = names()", "MODULES is not a tuple of names"),
        ("def (", "cannot be read"),
    ],
)
def test_what_a_shim_hooks_is_read_off_its_file(
    text: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, index = package(tmp_path, text=text)
    assert main(["kb", "compile", "--catalog", folder]) == ERROR
    err = capsys.readouterr().err
    assert err.startswith(f"compatshim: {index.parent / 'loader.py'}: ")
    assert why in err
    assert not index.exists()


def test_a_folder_outside_of_the_package(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "elsewhere" / "advisories")
    assert main(["kb", "compile", "--catalog", folder]) == ERROR
    assert f"start-up looks for acme_shims{os.sep}index.txt" in capsys.readouterr().err


def test_shims_of_two_packages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = package(tmp_path)
    write(Path(folder), "ACME-2026-0002", introduced="3", fixed="4", shim="acme_others.loader")
    assert main(["kb", "compile", "--catalog", folder]) == ERROR
    assert "has shims of acme_others and acme_shims" in capsys.readouterr().err


def test_an_id_of_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = package(tmp_path, identifier="CSA-2026-9999")
    assert main(["kb", "compile", "--catalog", folder]) == ERROR
    assert "CSA-2026-9999.toml: ids that begin with CSA-" in capsys.readouterr().err


def test_without_shims_there_is_nothing_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, index = package(tmp_path)
    path = Path(folder, "ACME-2026-0001.toml")
    text = path.read_text()
    path.write_text(text.replace('\n[[remedies]]\nkind = "shim"\nshim = "acme_shims.loader"\n', ""))
    assert main(["kb", "compile", "--catalog", folder]) == CLEAN
    assert "no advisory has a shim" in capsys.readouterr().err
    assert not index.exists()
