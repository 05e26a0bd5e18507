"""The whole of `check` on a real environment: written in every format, a baseline, and a second run that passes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from compatshim import baseline, cli
from tests import support as programs
from tests.e2e import support
from tests.test_formats import SCHEMA

pytestmark = pytest.mark.e2e


def run(folder: Path, *command: str) -> programs.Completed:
    # The interpreter that is looked at sees PYTHONPATH, too: there must be nothing on it but the package.
    path = folder / "path"
    if not path.exists():
        path.mkdir()
        (path / "compatshim").symlink_to(programs.PACKAGE, target_is_directory=True)
    return programs.start(command, env={"PYTHONPATH": str(path)}, cwd=folder)


def test_a_real_environment(tmp_path: Path) -> None:
    environment = support.build({"evaluate": "0.4.1", "datasets": "2.16.1", "filelock": "3.13.1"})
    tmp_path.joinpath("pyproject.toml").write_text(
        '[tool.compatshim]\nbaseline = "known.json"\nignore = [{ id = "CSA-2026-0006", reason = "short names" }]\n',
        encoding="utf-8",
    )
    (tmp_path / ".git").mkdir()
    main = [sys.executable, "-m", "compatshim", "check", "--python", environment.python]
    first = run(tmp_path, *main, "--write-baseline", "known.json")
    assert first.code == cli.CLEAN, first.err
    known = tmp_path.joinpath("known.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in known
    tmp_path.joinpath("known.json").write_text(baseline.dump(()), encoding="utf-8")
    files = ["a.sarif", "a.json", "a.md", "a.html", "a.xml"]
    outputs = [word for file in files for word in ("--output", file)]
    done = run(tmp_path, *main, *outputs, "--format", "concise")
    assert done.code == cli.FINDINGS, done.err
    assert " error CSA-2026-0001 " in done.out
    log = json.loads(tmp_path.joinpath("a.sarif").read_text(encoding="utf-8"))
    jsonschema.Draft4Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(log)
    results = {result["ruleId"]: result for result in log["runs"][0]["results"]}
    place = results["CSA-2026-0001"]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "pyproject.toml", "uriBaseId": "%SRCROOT%"}
    assert results["CSA-2026-0006"]["suppressions"][0]["justification"] == "short names (pyproject.toml:3)"
    assert ET.parse(tmp_path / "a.xml").getroot().get("failures") == "2"  # noqa: S314  we wrote it
    before = {file: tmp_path.joinpath(file).read_bytes() for file in files}
    run(tmp_path, *main, *outputs, "--format", "concise")
    assert {file: tmp_path.joinpath(file).read_bytes() for file in files} == before
    tmp_path.joinpath("known.json").write_text(known, encoding="utf-8")
    assert run(tmp_path, *main).code == cli.CLEAN
