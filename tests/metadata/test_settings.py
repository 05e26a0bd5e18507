"""Which index counts, as the real ``pip config`` and files in uv's form say it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Dict, Mapping

import pytest

from compatshim.metadata import pip_settings, settings
from compatshim.metadata.settings import PYPI, Settings

ONE, TWO, THREE = "https://one.invalid/simple/", "https://two.invalid/simple/", "https://three.invalid/simple/"


def read(**variables: str) -> Settings:
    """The settings of this interpreter, under these variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        return settings.read(sys.executable)


class TestPip:
    def test_nothing_is_configured(self) -> None:
        assert read() == Settings()

    def test_variables(self) -> None:
        found = read(
            PIP_INDEX_URL="https://user:p%40ss@one.invalid/simple",
            PIP_EXTRA_INDEX_URL=f"{TWO} https://token@three.invalid/simple/ {ONE}",
            PIP_TRUSTED_HOST="one.invalid two.invalid:8080",
            PIP_CERT="/bundle.pem",
            PIP_CLIENT_CERT="/client.pem",
            PIP_PROXY="http://me:pw@proxy.invalid:3128",
            PIP_DEFAULT_TIMEOUT="7",
        )
        assert (found.indexes, found.merged) == ((ONE, TWO, THREE), True)
        assert found.logins == {ONE: ("user", "p@ss"), THREE: ("token", None)}
        assert (found.certificate, found.client_certificate) == ("/bundle.pem", "/client.pem")
        assert (found.proxy, found.timeout) == ("http://me:pw@proxy.invalid:3128", 7.0)
        assert found.trusts(ONE)
        assert found.trusts("https://two.invalid:8080/x")
        assert not found.trusts(TWO)

    def test_a_file(self, tmp_path: Path) -> None:
        file = tmp_path / "pip.conf"
        file.write_text(
            "[global]\nindex-url = https://user:s3cret@one.invalid/simple\ntimeout = 60\n"
            f"extra-index-url =\n    {TWO}\n    {THREE}\n[install]\ntrusted-host = it's.invalid\n"
        )
        found = read(PIP_CONFIG_FILE=str(file))
        assert (found.indexes, found.timeout) == ((ONE, TWO, THREE), 60.0)
        assert found.logins == {ONE: ("user", "s3cret")}
        assert found.trusted == {"it's.invalid"}
        assert "s3cret" not in repr(found)

    def test_what_counts_more(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("XDG_CONFIG_HOME")
        monkeypatch.delenv("PIP_CONFIG_FILE")
        for place, url in ((".config/pip/pip.conf", ONE), (".pip/pip.conf", TWO)):
            file = tmp_path / place
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"[global]\nindex-url = {url}\n")
        assert read().indexes[0] == ONE
        assert read(PIP_INDEX_URL=THREE).indexes == (THREE, *read().indexes[1:])

    def test_folders(self, tmp_path: Path) -> None:
        places = f"{tmp_path} {tmp_path.as_uri()} https://one.invalid/all.html"
        found = read(PIP_FIND_LINKS=places, PIP_NO_INDEX="1")
        assert found.indexes == ()
        assert found.folders == (str(tmp_path), str(tmp_path))
        assert found.remarks == ("1 find-links entry is no local folder: not read",)

    def test_a_local_index(self, tmp_path: Path) -> None:
        assert read(PIP_INDEX_URL=tmp_path.as_uri()).indexes == (f"{tmp_path.as_uri()}/",)
        assert read(PIP_INDEX_URL=str(tmp_path)).indexes == (f"{tmp_path.as_uri()}/",)

    def test_without_pip(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "executable", os.devnull)
        monkeypatch.setenv("PATH", "")
        found = pip_settings.read(os.devnull, {"PIP_INDEX_URL": ONE, "PIP_TIMEOUT": "soon"})
        assert (found.indexes, found.timeout) == ((ONE,), 15.0)
        assert found.remarks == ("there is no pip here: of its configuration only the PIP_ variables were read",)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory in which uv's files count."""
    monkeypatch.delenv("UV_CONFIG_FILE")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.invalid/simple")
    folder = tmp_path / "project" / "below"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


class TestUv:
    @pytest.mark.parametrize(
        ("variables", "expected"),
        [
            ({}, {"indexes": ("https://pip.invalid/simple/",), "merged": True}),
            ({"UV_DEFAULT_INDEX": ONE}, {"indexes": (ONE,), "merged": False, "timeout": 30.0}),
            ({"UV_INDEX_URL": ONE, "UV_EXTRA_INDEX_URL": f"{TWO} {THREE}"}, {"indexes": (TWO, THREE, ONE)}),
            ({"UV_INDEX": f"{ONE} x={TWO}"}, {"indexes": (ONE, TWO, PYPI)}),
            (
                {"UV_INDEX": f"my-x={TWO}", "UV_INDEX_MY_X_USERNAME": "u", "UV_INDEX_MY_X_PASSWORD": "p"},
                {"indexes": (TWO, PYPI), "logins": {TWO: ("u", "p")}},
            ),
            ({"UV_INDEX": "https://u:p@two.invalid/simple/?x=1"}, {"logins": {f"{TWO}?x=1": ("u", "p")}}),
            ({"UV_INDEX": ONE, "UV_INDEX_STRATEGY": "unsafe-best-match"}, {"merged": True}),
            ({"UV_INDEX": ONE, "UV_HTTP_TIMEOUT": "9", "UV_INSECURE_HOST": "one.invalid"}, {"timeout": 9.0}),
            ({"UV_FIND_LINKS": "/wheels,https://x.invalid/"}, {"folders": ("/wheels",), "indexes": (PYPI,)}),
            ({"UV_NO_INDEX": "1"}, {"indexes": ()}),
        ],
    )
    @pytest.mark.usefixtures("project")
    def test_variables(self, variables: Dict[str, str], expected: Mapping[str, Any]) -> None:
        found = vars(read(**variables))
        assert {name: found[name] for name in expected} == expected

    def test_the_project_before_the_user(self, project: Path, tmp_path: Path) -> None:
        (project.parent / "pyproject.toml").write_text(
            '[project]\nname = "x"\n'
            f'[[tool.uv.index]]\nname = "one"\nurl = "{ONE}"\n'
            '[[tool.uv.index]]\nname = "bound"\nurl = "https://bound.invalid/"\nexplicit = true\n'
            '[tool.uv]\nfind-links = ["wheels"]\n'
        )
        user = tmp_path / "config" / "uv" / "uv.toml"
        user.parent.mkdir(parents=True)
        user.write_text(f'index-strategy = "unsafe-best-match"\n[[index]]\nurl = "{TWO}"\ndefault = true\n')
        found = read(UV_INDEX_ONE_USERNAME="token")
        assert (found.indexes, found.merged) == ((ONE, TWO), True)
        assert found.logins == {ONE: ("token", None)}
        assert found.folders == (str(project.parent / "wheels"),)
        assert read(UV_NO_CONFIG="1").indexes == ("https://pip.invalid/simple/",)
        assert read(UV_DEFAULT_INDEX=THREE).indexes == (ONE, THREE)

    def test_the_nearest_file(self, project: Path) -> None:
        (project.parent / "uv.toml").write_text(f'index-url = "{ONE}"\n')
        (project / "pyproject.toml").write_text('[project]\nname = "says nothing to uv"\n')
        assert read().indexes == (ONE,)
        (project / "uv.toml").write_text(
            f'index-url = "{ONE}"\n[pip]\nindex-url = "{TWO}"\nextra-index-url = ["{THREE}"]\n'
        )
        assert read().indexes == (THREE, TWO)

    def test_a_folder_as_an_index(self, project: Path) -> None:
        (project / "uv.toml").write_text(
            '[[index]]\nurl = "./simple"\n[[index]]\nurl = "./flat"\nformat = "flat"\n'
        )
        found = read()
        assert found.indexes == (f"{(project / 'simple').as_uri()}/", PYPI)
        assert found.folders == (str(project / "flat"),)

    def test_only_explicit_indexes_say_nothing(self, project: Path) -> None:
        (project / "uv.toml").write_text('[[index]]\nname = "torch"\nurl = "https://t.invalid"\nexplicit = true\n')
        assert read().indexes == ("https://pip.invalid/simple/",)

    def test_a_file_that_is_no_toml(self, project: Path) -> None:
        (project / "uv.toml").write_text('index-url = "https://user:s3cret@one.invalid/ \n')
        found = read(UV_INDEX=ONE)
        assert found.remarks == (f"{project / 'uv.toml'} cannot be read (it is no TOML): not used",)

    @pytest.mark.parametrize("text", ["index = 3", "index = [3]", "extra-index-url = 'x'", "pip = 1", "[[index]]"])
    def test_values_of_another_kind(self, text: str, project: Path) -> None:
        (project / "uv.toml").write_text(text)
        assert read().indexes == ("https://pip.invalid/simple/",)


@pytest.mark.parametrize(
    ("address", "login"),
    [
        ("https://a.invalid/one/simple/x/", ("one", "1")),
        ("https://a.invalid/two/simple/x/", ("two", "2")),
        ("https://a.invalid/files/x.whl", ("one", "1")),
        ("https://b.invalid/one/simple/x/", None),
        ("http://a.invalid/one/simple/x/", None),
        ("https://a.invalid:8443/one/simple/x/", None),
    ],
)
def test_which_login(address: str, login: object) -> None:
    logins = {"https://a.invalid/one/simple/": ("one", "1"), "https://a.invalid/two/simple/": ("two", "2")}
    assert Settings(logins=logins).login(address) == login
