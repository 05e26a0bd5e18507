"""The readers one by one: what they take in, what they leave unread and why, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from compatshim.inventory import detect, files, kinds, targets
from compatshim.inventory.kinds import BY_NAME
from compatshim.inventory.manifest import Contents, ManifestError, Source
from tests.inventory import corpus


def read(kind: str, text: str) -> Contents:
    return BY_NAME[kind].read(Source("file", text, "/", "/"))


def demands(found: Contents) -> List[Tuple[str, object]]:
    return [(str(one) + (f" ; {one.marker}" if one.marker else ""), one.location.line) for one in found.demands]


def unread(found: Contents) -> List[Tuple[str, str, object]]:
    return [(one.where, one.reason, one.project) for one in found.unread]


def packages(found: Contents) -> Dict[str, str]:
    return {one.project: str(one.version) for locked in found.locked for one in locked.packages}


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("uv.lock", "version = 2\n", "file: is not a uv.lock of version 1"),
        ("uv.lock", "version = 1\npackage = 3\n", "file: has no list of tables [[package]]"),
        ("poetry.lock", "", "file: is not a poetry.lock: there is no table [metadata]"),
        ("pdm.lock", "metadata = 1\n", "file: is not a pdm.lock: there is no table [metadata]"),
        ("Pipfile.lock", "{}", "file: is not a Pipfile.lock: there is no `_meta`"),
        ("pylock", 'lock-version = "2.0"\n', "file: is not a pylock.toml of version 1 (lock-version '2.0')"),
        ("pylock", "packages = []\n", "file: is not a pylock.toml of version 1"),
        ("conda-lock", "version: 1\n", "file: is not a conda-lock.yml: there is no list `package`"),
        ("pixi.lock", "version: 6\n", "file: is not a pixi.lock: there are no `environments` and `packages`"),
        ("cyclonedx", "{}", "file: is not CycloneDX: there is no bomFormat that says so"),
        ("spdx", "{}", "file: is not SPDX: there is no spdxVersion"),
        ("script", "import x\n", "file: has no `# /// script` block"),
        (
            "script",
            "# /// script\n# x = 1\n# ///\n\n# /// script\n# x = 1\n# ///\n",
            "file: has several `# /// script` blocks",
        ),
        ("script", "import x\n# /// script\n# x =\n# ///\n", "file:3: is not TOML: Invalid value"),
    ],
)
def test_what_is_not_of_the_kind_is_refused(kind: str, text: str, message: str) -> None:
    with pytest.raises(ManifestError) as raised:
        read(kind, text)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("environment.yml", "name: x\n", "has no list of dependencies"),
        ("pyproject", "[tool.ruff]\n", "has neither [project] nor [dependency-groups] nor [tool.poetry]"),
    ],
)
def test_what_only_has_the_name_is_not_checked(kind: str, text: str, reason: str) -> None:
    found = read(kind, text)
    ((where, why, project),) = unread(found)
    assert (where, why.partition(":")[0], project) == ("file", reason, None)
    assert not found.demands


class TestLocks:
    def test_uv_leaves_out_what_is_not_asked_for_and_its_own_project(self) -> None:
        text = """\
version = 1
requires-python = ">=3.9"

[[package]]
name = "own"
source = { editable = "." }
dependencies = [{ name = "a", extra = ["x"] }, { name = "local" }]

[package.dev-dependencies]
dev = [{ name = "b", marker = "sys_platform == 'win32'" }]

[[package]]
name = "a"
version = "1"

[package.optional-dependencies]
x = [{ name = "c" }]
y = [{ name = "never" }]

[[package]]
name = "b"
version = "2"

[[package]]
name = "c"
version = "3"

[[package]]
name = "never"
version = "4"

[[package]]
name = "local"
source = { directory = "../local" }
"""
        found = files.Manifest("file", BY_NAME["uv.lock"], read("uv.lock", text))
        assert unread(found.contents) == [("file:33", "has no version in it", "local")]
        on = {
            system: set(
                targets.inventories(
                    found.contents, "file", target=targets.Target("3.11", system, {"sys_platform": system})
                )[0].distributions
            )
            for system in ("linux", "win32")
        }
        assert on == {"linux": {"a", "c"}, "win32": {"a", "b", "c"}}

    def test_uv_decides_extras_that_exclude_each_other_on_the_way_as_well(self) -> None:
        text = """\
version = 1
requires-python = ">=3.11"
conflicts = [[{ package = "own", extra = "x" }, { package = "own", group = "y" }, { package = "part" }]]

[manifest]
members = ["own", "part"]

[[package]]
name = "own"
version = "1"
dependencies = [{ name = "a" }]

[package.optional-dependencies]
x = [{ name = "only-x" }]

[package.dev-dependencies]
y = [{ name = "only-y" }]

[[package]]
name = "part"
version = "1"

[[package]]
name = "a"
version = "1"
dependencies = [
    { name = "b", version = "1", marker = "extra == 'extra-3-own-x'" },
    { name = "b", version = "2", marker = "extra != 'extra-3-own-x' and extra == 'extra-9-unrelated-z'" },
]

[[package]]
name = "b"
version = "1"

[[package]]
name = "b"
version = "2"

[[package]]
name = "only-x"
version = "1"

[[package]]
name = "only-y"
version = "1"
"""
        here = targets.inventories(read("uv.lock", text), "file")
        found = {one.environment: {name: str(v) for name, v in one.versions().items()} for one in here}
        assert found == {
            "extra x": {"a": "1", "b": "1", "only-x": "1"},
            "group y": {"a": "1", "b": "2", "only-y": "1"},
        }  # and part has nothing that group y lacks

    def test_more_exclusions_than_are_looked_at_are_left_undecided(self) -> None:
        sets = [f'[{{ package = "own", extra = "x{n}" }}, {{ package = "own", extra = "y{n}" }}]' for n in range(9)]
        text = f'version = 1\nconflicts = [{", ".join(sets)}]\n[[package]]\nname = "a"\nversion = "1"\n'
        assert len(read("uv.lock", text).locked) == 64

    def test_packages_that_say_nothing(self) -> None:
        text = """\
package = [1, {}, {name = "a"}, {name = "b", version = "one"}, {name = 3, version = "1"},
  {name = "c", version = "1"}]
[metadata]
python-versions = "^3.9"
"""
        found = read("poetry.lock", text)
        assert packages(found) == {"c": "1"}
        assert [(reason, project) for _, reason, project in unread(found)] == [
            ("is a package without a name", None),
            ("is a package without a name", None),
            ("has no version in it", "a"),
            ("has a version that is none: 'one'", "b"),
            ("is a package without a name", None),
        ]
        assert found.requires_python == ">=3.9,<4"

    @pytest.mark.parametrize(
        ("markers", "expected"),
        [
            ("", ""),
            ("markers = \"os_name == 'nt'\"\n", "(os_name == 'nt')"),
            (
                "markers = {main = \"os_name == 'nt'\", dev = \"os_name == 'posix'\"}\n",
                "(os_name == 'nt') or (os_name == 'posix')",
            ),
            ("markers = {main = \"os_name == 'nt'\"}\n", ""),  # the other group has it everywhere
        ],
    )
    def test_markers_of_poetry(self, markers: str, expected: str) -> None:
        text = f'[[package]]\nname = "a"\nversion = "1"\ngroups = ["main", "dev"]\n{markers}[metadata]\n'
        (one,) = read("poetry.lock", text).locked[0].packages
        assert one.marker == expected

    def test_pipenv(self) -> None:
        lock = {
            "_meta": {"requires": {"python_version": "3.11"}},
            "default": {
                "a": {"version": "==1", "markers": "os_name == 'nt'"},
                "b": {"editable": True, "path": "."},
                "c": {"file": "https://example.org/c-2.0-py3-none-any.whl"},
                "d": {"git": "https://example.org/d.git", "ref": "1"},
                "e": {"version": "*"},
                "f": 3,
            },
            "develop": {"a": {"version": "==2"}},
        }
        found = read("Pipfile.lock", json.dumps(lock, indent=4))
        assert [(one.project, str(one.version), one.location.line) for one in found.locked[0].packages] == [
            ("a", "1", 8),
            ("c", "2.0", 16),
            ("a", "2", 29),
        ]
        assert [(where, project) for where, _, project in unread(found)] == [
            ("file:12", "b"),
            ("file:19", "d"),
            ("file:23", "e"),
            ("file:26", "f"),
        ]
        assert found.requires_python == "==3.11.*"

    def test_pylock_says_what_has_no_version(self) -> None:
        text = """\
lock-version = "1.0"
requires-python = ">=3.9"
[[packages]]
name = "a"
[packages.archive]
url = "https://example.org/a-1.5.tar.gz"
[[packages]]
name = "b"
[packages.vcs]
type = "git"
[[packages]]
name = "c"
[packages.directory]
path = "."
[[packages]]
name = "d"
marker = "'dev' in dependency_groups"
version = "1"
"""
        found = read("pylock", text)
        assert packages(found) == {"a": "1.5", "d": "1"}
        assert unread(found) == [
            ("file:8", "comes from a repository: its version is not in the file", "b"),
            ("file:12", "is a directory: its version is not in the file", "c"),
        ]

    def test_pylock_as_packaging_reads_it(self) -> None:
        pylock = pytest.importorskip("packaging.pylock")
        import tomli

        for name in ("uv/pylock.light.toml", "pip/pylock.toml"):
            text = (corpus.FOLDER / name).read_text(encoding="utf-8")
            theirs = pylock.Pylock.from_dict(tomli.loads(text))
            found = read("pylock", text)
            assert [(one.project, one.version) for one in found.locked[0].packages] == [
                (str(one.name), one.version) for one in theirs.packages
            ]


class TestProjects:
    def test_dependencies_extras_and_groups(self) -> None:
        text = """\
[project]
name = "Own.Name"
dynamic = ["version"]
requires-python = ">=3.9"
dependencies = [
    "datasets>=2 ; python_version < '3.13'",
    'filelock',
    "numpy @ https://example.org/numpy-1.26.4-cp311-cp311-linux_x86_64.whl",
    "other @ git+https://example.org/other.git",
    "nothing >< 3",
]

[project.optional-dependencies]
all = ["own-name[more]"]
more = ["filelock", 3]

[dependency-groups]
test = ["pytest", { include-group = "Lint" }, { include-group = "none" }]
lint = ["ruff"]
"""
        found = read("pyproject", text)
        assert demands(found) == [
            ('datasets>=2 ; python_version < "3.13"', 6),
            ("filelock", 7),
            ("numpy==1.26.4", 8),
            ("filelock", 15),
            ("pytest", 18),
            ("ruff", 19),
        ]
        assert unread(found) == [
            ("file:9", "is an address: its version is not in the file", "other"),
            ("file:10", "is no requirement: 'nothing >< 3'", None),
            ("file", "has a int in project.optional-dependencies.more, where requirements are wanted", None),
            ("file:18", "has the group 'test', which includes 'none': there is none", None),
        ]
        assert found.requires_python == ">=3.9"

    def test_lists_that_are_none(self) -> None:
        text = '[project]\nname = "x"\ndynamic = ["dependencies"]\ndependencies = "a"\n[dependency-groups]\nx = 3\n'
        assert [reason for _, reason, _ in unread(read("pyproject", text))] == [
            "has dynamic dependencies, which are not in the file",
            "has project.dependencies that is no list",
            "has dependency-groups.x that is no list",
        ]
        assert [reason for _, reason, _ in unread(read("pyproject", "[project]\n[[dependency-groups]]\n"))] == [
            "has [dependency-groups] that is no table"
        ]

    def test_poetry(self) -> None:
        text = """\
[tool.poetry]
name = "own"
[tool.poetry.dependencies]
python = "^3.9"
caret = "^1.2"
tilde = "~2.1"
star = "3.*"
any = "*"
exact = "4.5"
extra = { version = ">=1,<2", extras = ["Big"], python = "<3.12", markers = "sys_platform == 'linux'" }
several = [{ version = "^1", python = "<3.11" }, { version = "^2", python = ">=3.11" }]
git = { git = "https://example.org/x.git" }
path = { path = "../x" }
union = "<2 || >=3"
wrong = "what?"
none = {}
[tool.poetry.group.dev.dependencies]
caret = "^1.3"
[tool.poetry.dev-dependencies]
old = "^1"
"""
        found = read("pyproject", text)
        assert demands(found) == [
            ("caret<2.0,>=1.2", 5),
            ("tilde<2.2,>=2.1", 6),
            ("star==3.*", 7),
            ("any", 8),
            ("exact==4.5", 9),
            ('extra[big]<2,>=1 ; python_version < "3.12" and sys_platform == "linux"', 10),
            ('several<2,>=1 ; python_version < "3.11"', 11),
            ('several<3,>=2 ; python_version >= "3.11"', 11),
            ("old<2,>=1", 20),
            ("caret<2.0,>=1.3", 18),
        ]
        assert [(where, project) for where, _, project in unread(found)] == [
            ("file:12", "git"),
            ("file:13", "path"),
            ("file:14", "union"),
            ("file:15", "wrong"),
            ("file:16", "none"),
        ]

    def test_without_poetry_core_a_message_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "poetry.core.packages.dependency", None)
        with pytest.raises(ManifestError, match=r"poetry-core, not installed here: .*compatshim\[files\]"):
            read("pyproject", '[tool.poetry.dependencies]\na = "^1"\n')
        assert demands(read("pyproject", '[tool.poetry.dependencies]\npython = "^3"\n')) == []

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_scripts(self, end: str) -> None:
        lines = ["#!/usr/bin/env python", "# /// script", '# requires-python = ">=3.11"', "#", "# dependencies = [",
                 '#     "datasets<3",', "# ]", "# ///", "import datasets", ""]  # fmt: skip
        found = read("script", end.join(lines))
        assert (demands(found), found.requires_python) == ([("datasets<3", 6)], ">=3.11")

    def test_what_uv_keeps_to_is_no_requirement(self) -> None:
        text = (
            '[project]\nname = "a"\ndependencies = ["x"]\n'
            '[tool.uv]\nconstraint-dependencies = [\n"filelock<3.12",\n{ package = "y" },\n]\n'
        )
        found = read("pyproject", text)
        assert demands(found) == [("x", 3), ("filelock<3.12", 6)]
        assert [one.constraint for one in found.demands] == [False, True]
        assert [reason for _, reason, _ in unread(found)] == [
            "has a dict in tool.uv.constraint-dependencies, where requirements are wanted"
        ]


class TestConda:
    @pytest.mark.parametrize(
        ("spec", "expected"),
        [
            ("numpy", "numpy"),
            ("numpy=1.26", "numpy==1.26.*"),
            ("numpy=1.26.*", "numpy==1.26.*"),
            ("numpy==1.26.4", "numpy==1.26.4"),
            ("numpy 1.26.4", "numpy==1.26.4"),
            ("numpy 1.26.*", "numpy==1.26.*"),
            ("numpy=1.26.4=py311h_0", "numpy==1.26.4"),
            ("numpy 1.26.4 py311h_0", "numpy==1.26.4"),
            ("numpy >=1.20,<2", "numpy>=1.20,<2"),
            ("numpy>=1.20, !=1.21.*", "numpy>=1.20,!=1.21.*"),
            ("numpy ~=1.2", "numpy~=1.2"),
            ("conda-forge::numpy=1.26", "numpy==1.26.*"),
            ("conda-forge/linux-64::numpy", "numpy"),
            ("numpy[version='>=1.2']", "numpy>=1.2"),
            ("numpy *", "numpy"),
            ("huggingface_hub", "huggingface-hub"),
            ("pytorch>=2  # a comment", "torch>=2"),
            ("python-xxhash", "xxhash"),
        ],
    )
    def test_requirements(self, spec: str, expected: str) -> None:
        found = read("environment.yml", f"dependencies:\n  - {json.dumps(spec)}\n")
        assert (demands(found), found.unread) == ([(expected, 2)], ())

    @pytest.mark.parametrize(
        "spec", ["numpy 1.2|1.3", "numpy[build=x]", "numpy >=one", "", "== 3", "a b c d", "numpy=="]
    )
    def test_what_cannot_be_said_for_pip_is_unread(self, spec: str) -> None:
        found = read("environment.yml", f"dependencies:\n  - {json.dumps(spec)}\n")
        assert found.demands == ()
        ((where, reason, _),) = unread(found)
        assert (where, reason) == ("file:2", f"is no requirement that can be read here: {spec!r}")

    def test_names_of_conda_that_are_something_else(self) -> None:
        found = read(
            "environment.yml",
            "dependencies: [tzdata, xxhash, _libgcc_mutex, python=3.10,"
            " {pip: [a==1, -r b.txt, [x]]}, {npm: x}, [y]]",
        )
        assert (demands(found), found.requires_python) == ([("a==1", 1)], "==3.10.*")
        assert [reason for _, reason, _ in unread(found)] == [
            "includes 'b.txt', which is not read from here",
            "has a requirement for pip that is no text",
            "has a table among its dependencies that is not `pip:` with a list",
            "has a dependency that is neither a text nor a table",
        ]

    def test_the_corpus_file(self) -> None:
        found = files.read(str(corpus.FOLDER / "conda" / "environment.yml")).contents
        assert demands(found)[1:] == [
            ("evaluate==0.4.1.*", 9),
            ("datasets==2.16.1", 10),
            ("huggingface-hub>=0.19,<1.0", 11),
            ("filelock==3.12.0", 12),
            ("torch>=2.1", 13),
            ("numpy==1.26.*", 14),
            ("tqdm>=4.60", 16),
        ]

    def test_old_pixi_and_packages_that_are_not_there(self) -> None:
        text = """\
version: 4
environments:
  default:
    packages:
      linux-64:
      - conda: https://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.4-py311_0.tar.bz2
      - pypi: https://example.org/datasets-2.16.1-py3-none-any.whl
      - pypi: ./gone
packages:
- kind: conda
  name: numpy
  version: 1.26.4
  url: https://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.4-py311_0.tar.bz2
- kind: pypi
  name: datasets
  url: https://example.org/datasets-2.16.1-py3-none-any.whl
"""
        found = read("pixi.lock", text)
        assert packages(found) == {"numpy": "1.26.4", "datasets": "2.16.1"}
        assert unread(found) == [("file:8", "is a package that the list `packages` does not have", None)]

    def test_explicit_addresses(self) -> None:
        found = read(
            "conda-lock",
            "# platform: linux-64\n@EXPLICIT\nhttps://x/noarch/datasets-2.16.1-py_0.conda\nhttps://x/what\nhttps://x/tqdm-4.66-py3-none-any.whl\n",
        )
        assert packages(found) == {"datasets": "2.16.1", "tqdm": "4.66"}
        assert unread(found) == [("file:4", "is an address that tells no version", None)]

    def test_folders_of_conda(self, tmp_path: Path) -> None:
        meta = tmp_path / "conda-meta"
        meta.mkdir()
        with pytest.raises(ManifestError, match="has no JSON files in it"):
            files.read(str(meta))
        (meta / "numpy.json").write_text(json.dumps({"name": "numpy", "version": "1.26.4", "subdir": "osx-arm64"}))
        (meta / "broken.json").write_text("{")
        (meta / "other.json").write_text('{"name": "datasets"}')
        for path in (meta, tmp_path):  # itself, or the environment that has it
            found = files.read(str(path), "conda-meta").contents
            assert packages(found) == {"numpy": "1.26.4"}
            assert found.locked[0].markers["sys_platform"] == "darwin"
            assert [(Path(one.where.partition(":")[0]).name, one.project) for one in found.unread] == [
                ("broken.json", None),
                ("other.json", "datasets"),
            ]


class TestBills:
    def test_cyclonedx(self) -> None:
        document = {
            "bomFormat": "CycloneDX",
            "components": [
                {"purl": "pkg:pypi/Huggingface_Hub@0.24.6"},
                {"purl": "pkg:npm/left-pad@1"},
                {"name": "no purl"},
                {"purl": "pkg:pypi/datasets", "components": [{"purl": "pkg:pypi/torch@2.3.1%2Bcpu?x=y"}]},
                {"purl": "pkg:conda/pytorch@2.3.1?channel=x"},
                {"purl": "pkg:conda/tzdata@2024a"},
                {"purl": "pkg:pypi/filelock@three"},
                {"purl": "pkg:pypi/@"},
                3,
            ],
        }
        found = read("cyclonedx", json.dumps(document, indent=1))
        versions = [(one.project, str(one.version), one.location.line) for one in found.locked[0].packages]
        assert versions == [("huggingface-hub", "0.24.6", 5), ("torch", "2.3.1+cpu", 17), ("torch", "2.3.1", 22)]
        assert [(reason.partition(":")[0], project) for _, reason, project in unread(found)] == [
            ("has no version in it", "datasets"),
            ("has a version that is none", "filelock"),
            ("is no package URL", None),
        ]

    def test_components_nested_very_deeply(self) -> None:
        inner = '{"purl": "pkg:pypi/filelock@3.12.0"}'
        for _ in range(150):
            inner = f'{{"components": [{inner}]}}'
        assert packages(read("cyclonedx", f'{{"bomFormat": "CycloneDX", "components": [{inner}]}}')) == {
            "filelock": "3.12.0"
        }

    def test_spdx(self) -> None:
        reference = {"referenceType": "purl", "referenceLocator": "pkg:pypi/filelock@3.12.0"}
        other = {"referenceType": "cpe23Type", "referenceLocator": "pkg:pypi/numpy@1"}
        two = {"spdxVersion": "SPDX-2.3", "packages": [{"externalRefs": [other, reference]}, {}, 3]}
        three = {
            "@context": "https://spdx.org/rdf/3.0.1/x",
            "@graph": [{"software_packageUrl": "pkg:pypi/filelock@3.12.0"}, {}],
        }
        for document in (two, three):
            assert packages(read("spdx", json.dumps(document))) == {"filelock": "3.12.0"}


class TestKinds:
    @pytest.mark.parametrize("path", corpus.MANIFESTS)
    def test_every_file_of_the_corpus_is_told_by_its_name(self, path: str) -> None:
        name = path.rpartition("/")[2]
        found = kinds.named(name)
        expected = {
            "story.in": None,
            "story.txt": None,
            "light.in": None,
            "universal.txt": None,
            "hashed.txt": None,
        }
        assert (found is None) == (name in expected)

    @pytest.mark.parametrize("path", [path for path in corpus.MANIFESTS if not path.endswith((".in", ".txt"))])
    def test_and_by_its_content_where_the_name_says_nothing(self, path: str) -> None:
        text = (corpus.FOLDER / path).read_text(encoding="utf-8")
        expected = kinds.named(path.rpartition("/")[2])
        for end in ("\n", "\r\n"):
            assert detect.kind(Source("<stdin>", text.replace("\n", end))) == expected

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("requirements.txt", "requirements"),
            ("dev-requirements.in", "requirements"),
            ("requirements-gpu.txt", "requirements"),
            ("constraints.txt", "requirements"),
            ("constraints-3.11.txt", "requirements"),
            ("Requirement.txt", "requirements"),
            ("pylock.dev.toml", "pylock"),
            ("pylock.a.b.toml", None),
            ("uv.lock", "uv.lock"),
            ("script.py.lock", "uv.lock"),
            ("environment-dev.yaml", "environment.yml"),
            ("my-environment.yml", "environment.yml"),
            ("conda-lock.yml", "conda-lock"),
            ("conda-osx-arm64.lock", "conda-lock"),
            ("x.cdx.json", "cyclonedx"),
            ("x.spdx.json", "spdx"),
            ("train.py", "script"),
            ("package.json", None),
            ("notes.txt", None),
            ("poetry.toml", None),
        ],
    )
    def test_names(self, name: str, kind: str) -> None:
        found = kinds.named(name)
        assert (None if found is None else found.name) == kind

    def test_anything_of_a_neutral_name_is_requirements(self) -> None:
        assert detect.kind(Source("notes.txt", "datasets\n")).name == "requirements"
        with pytest.raises(ManifestError, match=r"x\.csv: neither its name nor its content .* --kind uv\.lock\|"):
            detect.kind(Source("x.csv", "a,b\n"))

    def test_what_a_folder_has(self, tmp_path: Path) -> None:
        for name in ("pyproject.toml", "requirements.txt", "train.py", "notes.txt"):
            (tmp_path / name).write_text("")
        assert [Path(path).name for path in files.expand(str(tmp_path))] == ["pyproject.toml", "requirements.txt"]
        (tmp_path / "uv.lock").write_text("")
        (tmp_path / "conda-meta").mkdir()
        assert [Path(path).name for path in files.expand(str(tmp_path))] == [
            "conda-meta",
            "requirements.txt",
            "uv.lock",
        ]
        assert [Path(path).name for path in files.expand(str(tmp_path), "uv.lock")] == ["uv.lock"]
        with pytest.raises(ManifestError, match=r"is a folder with no pixi\.lock file in it"):
            files.expand(str(tmp_path), "pixi.lock")
        with pytest.raises(ManifestError, match="is a folder with no manifest of a name that is known"):
            files.expand(str(corpus.FOLDER))

    @pytest.mark.parametrize("kind", [kind for kind in kinds.KINDS if kind.needs])
    def test_what_is_missing_is_named_with_the_command_that_brings_it(
        self, kind: kinds.Kind, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
        (tmp_path / "x").write_text("")
        with pytest.raises(
            ManifestError, match=rf"x: cannot be read without {kind.needs[0]}.*'compatshim\[files\]'"
        ):
            files.read(str(tmp_path / "x"), kind.name)
