"""Every shim on real packages: bad without it, good with it, in the same environment.

What is expected without the shim is what the catalog says of the installed versions, so these tests hold the
advisories' ranges as well.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import pytest
from packaging.version import Version

from compatshim import catalog
from compatshim.kb import shims
from compatshim.kb.environments import Unresolvable
from compatshim.match import judge
from tests.e2e import support
from tests.test_shims_page import REPLACED

pytestmark = pytest.mark.e2e

KNOWN = catalog.load()

# Python, evaluate, datasets, filelock: each version and each boundary of the story at least once.
OFTEN = [
    ("3.8", "0.4.0", "2.16.1", "3.12.0"),
    ("3.13", "0.4.1", "2.21.0", "4.0.0"),
]
"""These are run every time, the others of the selection by who has the time."""
SELECTION = [
    *OFTEN,
    ("3.11", "0.4.1", "2.16.0", "3.12.0"),
    ("3.11", "0.4.1", "2.16.0", "3.9.1"),
    ("3.11", "0.4.1", "2.17.0", "3.30.0"),
    ("3.8", "0.4.1", "2.19.2", "3.16.1"),
    ("3.9", "0.4.1", "2.18.0", "3.19.1"),
    ("3.10", "0.4.0", "2.20.0", "3.24.0"),
    ("3.11", "0.4.1", "2.16.0", "3.10.0"),
    ("3.11", "0.4.1", "2.16.0", "3.11.0"),
    ("3.11", "0.4.1", "2.16.1", "3.23.0"),
    ("3.11", "0.4.1", "2.17.1", "3.29.7"),
    ("3.12", "0.4.1", "2.21.0", "4.2.11"),
]
EVERYTHING = [
    case
    for case in product(
        ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13"),
        ("0.4.0", "0.4.1"),
        ("2.16.0", "2.16.1", "2.17.0", "2.17.1", "2.18.0", "2.19.2", "2.20.0", "2.21.0"),
        ("3.9.1", "3.10.0", "3.11.0", "3.12.0", "3.23.0", "3.24.0", "3.29.7", "3.30.0", "4.0.0", "4.2.11"),
    )
    if case not in SELECTION
]

REPRODUCERS = {
    "CSA-2026-0001": "evaluate_rendezvous",
    "CSA-2026-0002": "datasets_lock_file_mode",
    "CSA-2026-0005": "datasets_umask_race",
    "CSA-2026-0006": "datasets_long_lock_name",
}


def pair(case: support.Case) -> List[str]:
    """Run each reproducer without and with the shim; returns what did not come out as the catalog says."""
    python, evaluate, datasets, filelock = case
    wanted = {"evaluate": evaluate, "datasets": datasets, "filelock": filelock}
    # numpy 1 has no wheels for Python 3.13; datasets 2.21 works with numpy 2.
    around = support.PERIOD if python != "3.13" else ("pandas<3", "huggingface_hub<0.26")
    environment = support.build(wanted, around=around, version=python)
    wrong = []
    for identifier, name in REPRODUCERS.items():
        bad = (
            judge(KNOWN.advisory(identifier), {project: Version(text) for project, text in wanted.items()})
            is not None
        )
        without = support.reproduce(environment, name)
        if without != int(bad):
            wrong.append(f"{identifier} without the shim: {without}, expected {int(bad)}")
        if support.reproduce(environment, name, shim=True) != 0:
            wrong.append(f"{identifier} with the shim: still bad")
    return wrong


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=() if case in OFTEN else pytest.mark.matrix, id="-".join(case))
        for case in SELECTION
    ],
)
def test_bad_without_and_good_with(case: support.Case) -> None:
    assert pair(case) == []


@pytest.mark.matrix
@pytest.mark.parametrize("case", EVERYTHING, ids="-".join)
def test_bad_without_and_good_with_everywhere(case: support.Case) -> None:
    try:
        wrong = pair(case)
    except Unresolvable as error:
        pytest.skip(f"these versions do not install on Python {case[0]}: {str(error).splitlines()[-1]}")
    assert wrong == []


@pytest.mark.parametrize("evaluate", [pytest.param("0.4.2", marks=pytest.mark.matrix), "0.4.6"])
def test_a_new_evaluate_on_an_old_datasets(evaluate: str) -> None:
    environment = support.build({"evaluate": evaluate, "datasets": "2.15.0", "filelock": "3.13.1"})
    assert support.reproduce(environment, "evaluate_rendezvous") == 1
    assert support.reproduce(environment, "evaluate_rendezvous", shim=True) == 0
    assert support.reproduce(environment, "datasets_long_lock_name") == 1
    assert support.reproduce(environment, "datasets_long_lock_name", shim=True) == 0


@pytest.mark.parametrize("filelock", ["3.9.0", "3.9.1"])
def test_the_folklore_pin_under_huggingface_hub_1_4(filelock: str) -> None:
    environment = support.build({"huggingface_hub": "1.4.1", "filelock": filelock}, around=())
    assert support.reproduce(environment, "hub_weak_file_lock") == 1
    assert support.reproduce(environment, "hub_weak_file_lock", shim=True) == 0


@pytest.mark.parametrize(
    ("shim", "versions", "around"),
    [
        ("datasets_filelock_mode", support.STORY, support.PERIOD),
        ("datasets_lock_name", support.STORY, support.PERIOD),
        ("evaluate_filefreelock", support.STORY, support.PERIOD),
        ("hub_weakfilelock_mode", {"huggingface_hub": "1.4.1", "filelock": "3.9.0"}, ()),
    ],
)
def test_what_is_replaced_is_what_the_page_says(
    shim: str, versions: Dict[str, str], around: Sequence[str], tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"import json\n{REPLACED}\nprint(json.dumps(replaced({shim!r})))\n")
    environment = support.build(versions, around=around)
    done = support.run(environment, str(program), shim=True, COMPATSHIM="off")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == sorted(path for path, _, _ in shims.changes(shim))


# An old pin as people have it, and what an installer added to it in November 2026. The programs that fail there
# without the shims; with them each must give the right answer, all shims together.
NEWEST = ("pyarrow==26.0.1", "numpy==2.4.6", "pandas==3.1.1", "fsspec==2026.9.0")
TODAY = {
    "datasets 2.14.4": (
        ("datasets==2.14.4", *NEWEST, "pillow"),
        ("import", "numpy_format", "load_csv", "load_json", "load_folder", "imagefolder_metadata", "array2d"),
    ),
    "datasets 2.15.0": (
        ("datasets==2.15.0", *NEWEST[:3], "huggingface_hub==2.4.0", "pillow"),
        ("import_hub", "numpy_format", "load_csv", "imagefolder_metadata", "array2d"),
    ),
    "datasets 2.16.1": (
        ("datasets==2.16.1", *NEWEST[:3], "pillow"),
        ("numpy_format", "load_csv", "imagefolder_metadata", "array2d"),
    ),
    "datasets 2.18.0": (
        ("datasets==2.18.0", *NEWEST[:3], "pillow"),
        ("numpy_format", "imagefolder_metadata", "array2d"),
    ),
    "datasets 3.5.0": (("datasets==3.5.0", *NEWEST[:3], "pillow"), ("imagefolder_metadata", "array2d")),
    "datasets 4.5.0": (("datasets==4.5.0", *NEWEST[:3], "pillow"), ("imagefolder_metadata",)),
}
# The metrics of the hub and their tokens, in the same way.
EVALUATE = {
    ("evaluate==0.4.1", "datasets==5.2.0", "huggingface_hub==2.4.0"): (
        "evaluate_download",
        "evaluate_compares_lists",
        "evaluate_rendezvous",
    ),
    ("evaluate==0.4.3", "datasets==5.2.0", "huggingface_hub==2.4.0"): (
        "evaluate_auth_headers",
        "evaluate_compares_lists",
    ),
    ("evaluate==0.4.5", "datasets==4.4.0", "huggingface_hub==1.0.0"): ("evaluate_auth_headers",),
}


@pytest.mark.parametrize(
    ("pins", "programs"),
    [
        pytest.param(
            *one, marks=() if name in ("datasets 2.15.0", "datasets 4.5.0") else pytest.mark.matrix, id=name
        )
        for name, one in TODAY.items()
    ],
)
def test_an_old_datasets_as_it_is_installed_today(pins: Tuple[str, ...], programs: Tuple[str, ...]) -> None:
    environment = support.build({}, around=pins)
    for program in programs:
        assert support.fails(environment, f"datasets_{program}"), program
        assert support.reproduce(environment, f"datasets_{program}", shim=True) == 0, program


@pytest.mark.parametrize(("pins", "programs"), EVALUATE.items(), ids=lambda words: words[0])
def test_an_old_evaluate_as_it_is_installed_today(pins: Tuple[str, ...], programs: Tuple[str, ...]) -> None:
    environment = support.build({}, around=pins)
    for program in programs:
        assert support.reproduce(environment, program) == 1, program
        assert support.reproduce(environment, program, shim=True) == 0, program


# One neighbour that is too new, and what the program at hand is.
NEIGHBOURS = {
    ("evaluate==0.4.6", "datasets==3.6.0", "filelock==3.3.2", "huggingface_hub<0.26"): "evaluate_rendezvous",
    ("diffusers==0.24.0", "huggingface_hub==1.4.1"): "diffusers_import",
    ("gradio==5.7.0", "huggingface_hub==1.4.1", "requests"): "gradio_import",
    ("wandb==0.17.1", "numpy==2.4.6", "setuptools<82"): "wandb_import",
    ("lightgbm==4.5.0", "scikit-learn==1.8.0"): "lightgbm_fit",
    ("openai==1.55.2", "httpx==0.28.1"): "openai_client",
    ("openai==1.2.0", "httpx==0.28.1"): "openai_client",
    ("anthropic==0.39.0", "httpx==0.28.1"): "anthropic_client",
    ("requests-toolbelt==0.10.1", "urllib3==2.8.0"): "requests_toolbelt_multipart",
    ("flask==2.2.3", "werkzeug==3.1.9"): "flask_answer",
    ("jinja2==2.11.3", "markupsafe==3.0.4"): "jinja_template",
}
# What is asked of the older neighbour and of the newer one under the shim, in the same words.
SAME = {
    "a proxy that is given": (
        ("anthropic==0.39.0",),
        ("httpx==0.27.2", "httpx==0.28.1"),
        """
import socket, threading, anthropic
server = socket.create_server(("127.0.0.1", 0))
asked = []
def answer():
    while True:
        connection, _ = server.accept()
        asked.append(connection.recv(1000).split(b"\\r\\n")[0].decode())
        connection.close()
threading.Thread(target=answer, daemon=True).start()
proxy = "http://127.0.0.1:%d" % server.getsockname()[1]
client = anthropic.Anthropic(api_key="x", base_url="https://nowhere.invalid", max_retries=0, proxies=proxy)
try:
    client.models.list() if hasattr(client, "models") else client.get("/v1/models", cast_to=object)
except anthropic.APIConnectionError:
    print(asked)
""",
        "['CONNECT nowhere.invalid:443 HTTP/1.1']",
    ),
    "an anchor": (
        ("flask==2.2.3",),
        ("werkzeug==2.3.8", "werkzeug==3.1.9"),
        """
import flask
application = flask.Flask("application")
application.add_url_rule("/greet", "greet")
application.config["SERVER_NAME"] = "x"
with application.app_context():
    print(ascii([flask.url_for("greet", _anchor=one) for one in ("a b/c$&=", "\\xe9+", 7)]))
""",
        "['http://x/greet#a%20b/c$%26%3D', 'http://x/greet#%C3%A9+', 'http://x/greet#7']",
    ),
    "filters": (
        ("jinja2==2.11.3",),
        ("markupsafe==2.0.1", "markupsafe==3.0.4"),
        """
import jinja2
page = jinja2.Environment(autoescape=True).from_string("{{ x | upper }} {{ [1, x] | join('<') }} {{ x | string }}")
print(page.render(x="<a>"))
""",
        "&lt;A&gt; 1&lt;&lt;a&gt; &lt;a&gt;",
    ),
    "what cannot be had": (
        ("requests-toolbelt==0.10.1",),
        ("urllib3==1.26.20", "urllib3==2.8.0"),
        """
from requests_toolbelt.adapters.appengine import AppEngineAdapter
try:
    AppEngineAdapter()
except Exception as error:
    print(type(error).__name__, error)
""",
        "AppEnginePlatformError URLFetch is not available in this environment.",
    ),
}


@pytest.mark.parametrize(("pins", "program"), NEIGHBOURS.items(), ids=NEIGHBOURS.values())
def test_a_neighbour_that_does_not_fit(pins: Tuple[str, ...], program: str) -> None:
    environment = support.build({}, around=pins)
    assert support.reproduce(environment, program) == 1
    assert support.reproduce(environment, program, shim=True) == 0


@pytest.mark.parametrize(("pins", "neighbours", "program", "answer"), SAME.values(), ids=SAME)
def test_the_same_as_with_the_older_neighbour(
    pins: Tuple[str, ...], neighbours: Tuple[str, str], program: str, answer: str, tmp_path: Path
) -> None:
    path = tmp_path / "program.py"
    path.write_text(f"import sys\nif 'shim' in sys.argv:\n    import compatshim\n{program}")
    version = "3.9" if "markupsafe" in neighbours[0] else "3.11"  # later ones have no wheels of the old MarkupSafe
    older, newer = (support.build({}, around=(*pins, one), version=version) for one in neighbours)
    for done in (support.run(older, str(path)), support.run(newer, str(path), "shim", shim=True)):
        assert (done.returncode, done.stdout.strip()) == (0, answer), done.stderr
    assert support.run(newer, str(path)).stdout.strip() != answer


def test_a_dictionary_of_proxies_and_a_pipeline_from_github_are_refused(tmp_path: Path) -> None:
    """What a shim does not mend fails as it did, or says why."""
    path = tmp_path / "program.py"
    path.write_text(
        "import compatshim, anthropic\nanthropic.Anthropic(api_key='x', proxies={'all://': 'http://x'})"
    )
    done = support.run(support.build({}, around=("anthropic==0.39.0", "httpx==0.28.1")), str(path), shim=True)
    assert "unexpected keyword argument 'proxies'" in done.stderr
    path.write_text("import compatshim, huggingface_hub\nhuggingface_hub.cached_download('https://x')")
    around = ("diffusers==0.24.0", "huggingface_hub==1.4.1")
    done = support.run(support.build({}, around=around), str(path), shim=True)
    assert "upgrade diffusers" in done.stderr
