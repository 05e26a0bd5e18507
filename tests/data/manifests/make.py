"""Make the lock files of this folder again, with the tools that write such files, and what the tools say of them.

    python tests/data/manifests/make.py [NAME ...]

Needs uv and PyPI. Each tool comes in a temporary environment of its own (``uvx``). The projects are small:
typer 0.12 does not work with click 8.2, which Python 3.9 cannot have; filelock is wanted in two versions; colorama
comes on Windows alone. Beside each file ``NAME`` stands ``NAME.said``: names, versions and markers as the tool that
wrote the file lists them, one a line. What is in ``conda`` was written by hand, as its tools write it, because they
would need conda's channels; what the tools read in it is asked of them all the same.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable, Dict, List

HERE = Path(__file__).resolve().parent
PYTHON = "3.11"

DEPENDENCIES = [
    "typer>=0.12,<0.13",
    "click",
    "filelock<3.20 ; python_version < '3.12'",
    "filelock>=3.20 ; python_version >= '3.12'",
    "tqdm",
]
STORY = ["evaluate==0.4.1", "datasets==2.16.1", "filelock==3.12.0", "numpy<2", "pyarrow<21", "pandas<3"]

PYPROJECT = f"""\
[project]
name = "light"
version = "1.0"
requires-python = ">=3.9"
dependencies = [
{"".join(f'    "{text}",{chr(10)}' for text in DEPENDENCIES)}]

[project.optional-dependencies]
files = ["fsspec>=2024"]

[dependency-groups]
test = ["iniconfig", {{ include-group = "lint" }}]
lint = ["pathspec"]
"""

POETRY = """\
[tool.poetry]
name = "light"
version = "1.0"
description = ""
authors = []
package-mode = false

[tool.poetry.dependencies]
python = ">=3.9,<4.0"
typer = "~0.12"
click = "*"
filelock = [
    { version = "<3.20", python = "<3.12" },
    { version = "^3.20", python = ">=3.12" },
]
tqdm = "^4.60"
fsspec = { version = ">=2024", optional = true }

[[tool.poetry.source]]
name = "simple"
url = "https://pypi.org/simple/"

[tool.poetry.extras]
files = ["fsspec"]

[tool.poetry.group.test.dependencies]
iniconfig = "*"

[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""

PIPFILE = """\
[[source]]
url = "https://pypi.org/simple"
verify_ssl = true
name = "pypi"

[packages]
typer = "~=0.12.0"
click = "*"
filelock = "<3.20"
tqdm = "*"

[dev-packages]
iniconfig = "*"
"""


def run(folder: Path, *command: str, **variables: str) -> str:
    """The standard output of a command in a folder."""
    print("::", *command, flush=True)  # noqa: T201
    environment = {**os.environ, "NO_COLOR": "1", "UV_NO_PROGRESS": "1", **variables}
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def uvx(folder: Path, tool: str, *arguments: str, extra: str = "", python: str = PYTHON, **variables: str) -> str:
    """The same of a tool out of a temporary environment."""
    more = [part for name in extra.split() for part in ("--with", name)]
    name = tool.rsplit(maxsplit=1)[-1]
    return run(
        folder, "uvx", "--python", python, *more, "--from", tool.split(maxsplit=1)[0], name, *arguments, **variables
    )


def listed(text: str) -> str:
    """Of a requirements file: name, version and marker, one a line, sorted."""
    found = set()
    for line in text.splitlines():
        match = re.match(
            r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)\s*(?:;\s*([^\\#]*?))?\s*(?:\\|--hash.*|#.*)?$", line
        )
        if match:
            name = re.sub(r"[-_.]+", "-", match[1]).lower()
            found.add(" ".join(part for part in (name, match[2], f"; {match[3]}" if match[3] else "") if part))
    return "".join(f"{line}\n" for line in sorted(found))


def keep(source: Path, name: str, said: str = "") -> None:
    """Put a file, and what its tool says of it, into this folder. Addresses of mirrors become those of PyPI."""
    text = source.read_text(encoding="utf-8").replace(str(source.parent), "/project")
    target = HERE / name
    target.parent.mkdir(exist_ok=True)
    target.write_text(text, encoding="utf-8", newline="\n")
    if said:
        Path(f"{target}.said").write_text(said, encoding="utf-8", newline="\n")


def uv(folder: Path) -> None:
    (folder / "pyproject.toml").write_text(PYPROJECT)
    keep(folder / "pyproject.toml", "uv/pyproject.toml")
    run(folder, "uv", "lock", "--python", PYTHON)
    everything = ("--all-extras", "--all-groups", "--no-emit-project", "--frozen", "--no-header", "--no-annotate")
    said = run(folder, "uv", "export", *everything, "--no-hashes")
    keep(folder / "uv.lock", "uv/uv.lock", listed(said))
    (folder / "requirements.txt").write_text(run(folder, "uv", "export", *everything))
    keep(folder / "requirements.txt", "uv/requirements.txt", listed(said))
    run(folder, "uv", "export", *everything[:4], "--format", "pylock.toml", "-o", "pylock.light.toml")
    keep(folder / "pylock.light.toml", "uv/pylock.light.toml", listed(said))


CONFLICTS = """\
[project]
name = "light"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["tqdm"]

[project.optional-dependencies]
old = ["typer<0.13", "click>=8.2"]
new = ["typer>=0.16"]

[tool.uv]
conflicts = [[{ extra = "old" }, { extra = "new" }]]
"""

WORKSPACE = """\
[project]
name = "whole"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["part", "tqdm"]

[tool.uv.sources]
part = { workspace = true }

[tool.uv.workspace]
members = ["part"]
"""
PART = """\
[project]
name = "part"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["typer<0.13"]
"""

SCRIPT = """\
# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "typer<0.13",
#     "tqdm",
# ]
# ///
print("hello")
"""


def uv_conflicts(folder: Path) -> None:
    (folder / "pyproject.toml").write_text(CONFLICTS)
    run(folder, "uv", "lock", "--python", PYTHON)
    keep(folder / "uv.lock", "uv-conflicts/uv.lock")
    for extra in ("old", "new"):
        said = run(folder, "uv", "export", "--extra", extra, "--no-emit-project", "--frozen", "--no-hashes")
        (HERE / "uv-conflicts" / f"uv.lock.{extra}.said").write_text(listed(said), encoding="utf-8", newline="\n")


def uv_workspace(folder: Path) -> None:
    (folder / "pyproject.toml").write_text(WORKSPACE)
    (folder / "part").mkdir()
    (folder / "part" / "pyproject.toml").write_text(PART)
    run(folder, "uv", "lock", "--python", PYTHON)
    said = run(folder, "uv", "export", "--all-packages", "--no-emit-workspace", "--frozen", "--no-hashes")
    keep(folder / "uv.lock", "uv-workspace/uv.lock", listed(said))


def uv_script(folder: Path) -> None:
    (folder / "script.py").write_text(SCRIPT)
    run(folder, "uv", "lock", "--script", "script.py", "--python", PYTHON)
    keep(folder / "script.py", "uv-script/script.py")
    said = run(folder, "uv", "export", "--script", "script.py", "--frozen", "--no-hashes")
    keep(folder / "script.py.lock", "uv-script/script.py.lock", listed(said))


def compiled(folder: Path) -> None:
    (folder / "story.in").write_text("".join(f"{text}\n" for text in STORY))
    keep(folder / "story.in", "compiled/story.in")
    arguments = ("pip", "compile", "story.in", "--python-version", "3.11", "--python-platform", "linux")
    run(folder, "uv", *arguments, "-o", "story.txt")
    keep(folder / "story.txt", "compiled/story.txt", listed((folder / "story.txt").read_text()))
    (folder / "light.in").write_text("".join(f"{text}\n" for text in DEPENDENCIES))
    keep(folder / "light.in", "compiled/light.in")
    run(folder, "uv", "pip", "compile", "light.in", "--universal", "--python-version", "3.9", "-o", "universal.txt")
    keep(folder / "universal.txt", "compiled/universal.txt", listed((folder / "universal.txt").read_text()))


def piptools(folder: Path) -> None:
    (folder / "light.in").write_text("".join(f"{text}\n" for text in DEPENDENCIES))
    uvx(
        folder, "pip-tools pip-compile", "-q", "--generate-hashes", "--strip-extras", "-o", "hashed.txt", "light.in"
    )
    keep(folder / "hashed.txt", "pip-tools/hashed.txt", listed((folder / "hashed.txt").read_text()))


def pip(folder: Path) -> None:
    (folder / "light.in").write_text("".join(f"{text}\n" for text in DEPENDENCIES))
    uvx(folder, "pip", "-q", "lock", "-r", "light.in", "-o", "pylock.toml")
    report = run(
        folder, "uvx", "--python", PYTHON, "pip", "-q", "install", "--dry-run", "--ignore-installed",
        "--report", "-", "-r", "pylock.toml",
    )  # fmt: skip
    found = [item["metadata"] for item in json.loads(report)["install"]]
    keep(
        folder / "pylock.toml",
        "pip/pylock.toml",
        listed("".join(f"{one['name']}=={one['version']}\n" for one in found)),
    )


def poetry(folder: Path) -> None:
    (folder / "pyproject.toml").write_text(POETRY)
    keep(folder / "pyproject.toml", "poetry/pyproject.toml")
    uvx(folder, "poetry", "lock", "-n", extra="poetry-plugin-export")
    said = uvx(
        folder,
        "poetry",
        "export",
        "-n",
        "--all-groups",
        "--all-extras",
        "--without-hashes",
        extra="poetry-plugin-export",
    )
    keep(folder / "poetry.lock", "poetry/poetry.lock", listed(said))


def old_poetry(folder: Path) -> None:
    """Locks that have no markers yet."""
    (folder / "pyproject.toml").write_text(POETRY.replace("package-mode = false\n", ""))
    tool = "poetry==1.8.5 poetry"
    uvx(folder, tool, "lock", "-n", extra="poetry-plugin-export<1.9")
    said = uvx(
        folder,
        tool,
        "export",
        "-n",
        "--with",
        "test",
        "--all-extras",
        "--without-hashes",
        extra="poetry-plugin-export<1.9",
    )
    keep(folder / "poetry.lock", "poetry-1/poetry.lock", listed(said))


def pdm(folder: Path) -> None:
    # It takes one version for all Pythons, and click 8.2 is not for all of them.
    text = PYPROJECT.replace("    \"filelock>=3.20 ; python_version >= '3.12'\",\n", "").replace(
        " ; python_version < '3.12'", ""
    )
    (folder / "pyproject.toml").write_text(text)
    uvx(folder, "pdm", "lock", "-q", "-G", ":all", extra="unearth==0.17.5 hishel<1")
    said = uvx(
        folder, "pdm", "export", "-G", ":all", "--no-hashes", "-f", "requirements", extra="unearth==0.17.5 hishel<1"
    )
    keep(folder / "pdm.lock", "pdm/pdm.lock", listed(said))


def pipenv(folder: Path) -> None:
    (folder / "Pipfile").write_text(PIPFILE)
    uvx(folder, "pipenv", "lock", "-q", PIPENV_IGNORE_VIRTUALENVS="1")
    said = uvx(folder, "pipenv", "requirements", "--dev", PIPENV_IGNORE_VIRTUALENVS="1")
    keep(folder / "Pipfile.lock", "pipenv/Pipfile.lock", listed(said))


def sbom(folder: Path) -> None:
    """What is really installed, as two tools describe it, and as pip does."""
    run(folder, "uv", "venv", "-q", "--python", PYTHON, "place")
    python = str(folder / "place" / "bin" / "python")
    run(folder, "uv", "pip", "install", "-q", "--python", python, *DEPENDENCIES, "sbom4python")
    found = json.loads(run(folder, "uvx", "pip", "--python", python, "inspect"))["installed"]
    said = listed("".join(f"{one['metadata']['name']}=={one['metadata']['version']}\n" for one in found))
    uvx(folder, "cyclonedx-bom cyclonedx-py", "environment", python, "--of", "JSON", "-o", "bom.cdx.json")
    keep(folder / "bom.cdx.json", "sbom/bom.cdx.json", said)
    run(folder, str(folder / "place" / "bin" / "sbom4python"), "--system", "--use-pip", "--python", python,
        "--sbom", "spdx", "--format", "json", "-o", "bom.spdx.json")  # fmt: skip
    keep(folder / "bom.spdx.json", "sbom/bom.spdx.json", said)


PIXI = """
import sys
from rattler import LockFile
for name, environment in LockFile.from_path(sys.argv[1]).environments():
    for platform in environment.platforms():
        for one in environment.packages(platform):
            print(f"{name} on {platform}", one.name, getattr(one, "version", ""), sep="\\t")
"""
CONDA_LOCK = """
import sys
from pathlib import Path
from conda_lock.lockfile import parse_conda_lock_file
for one in parse_conda_lock_file(Path(sys.argv[1])).package:
    print(one.platform, one.name, one.version, sep="\\t")
"""


def conda(folder: Path) -> None:
    """What conda's tools read in what is here."""
    for name, tool, program in (("pixi.lock", "py-rattler", PIXI), ("conda-lock.yml", "conda-lock", CONDA_LOCK)):
        path = HERE / "conda" / name
        said = run(folder, "uvx", "--python", PYTHON, "--with", tool, "python", "-c", program, str(path))
        Path(f"{path}.said").write_text(
            "".join(sorted(said.splitlines(keepends=True))), encoding="utf-8", newline="\n"
        )


MAKERS: Dict[str, Callable[[Path], None]] = {
    maker.__name__: maker
    for maker in (
        uv,
        uv_conflicts,
        uv_workspace,
        uv_script,
        compiled,
        piptools,
        pip,
        poetry,
        old_poetry,
        pdm,
        pipenv,
        sbom,
        conda,
    )
}


def main(names: List[str]) -> None:
    """Make what is named, or everything."""
    for name in names or MAKERS:
        folder = Path(tempfile.mkdtemp(prefix="manifests-"))
        try:
            MAKERS[name](folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
