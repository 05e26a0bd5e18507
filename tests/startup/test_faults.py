"""Every statement of start-up and of the shims raises in turn; the user's program does not notice.

Each run is a program of several steps that uses mended code. A step must give what it gives without compatshim or
what it gives with it, and nothing else; the program must end as it always does; and when something is not mended,
exactly one notice says so.
"""

from __future__ import annotations

import compileall
import json
import os
import sys
import zipfile
from pathlib import Path
from types import MappingProxyType
from typing import Dict, List, Mapping, NamedTuple, Sequence, Tuple

import pytest

from tests import faults, support
from tests.e2e.support import PROGRAMS
from tests.faults import Outcome, Point
from tests.startup import acme

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here: not run")

USE = """
def blind():
    lock = evaluate.module.FileFreeLock("/held")
    lock._acquire()
    seen = lock.is_locked
    lock._release()
    return [seen, lock.is_locked]
def mode():
    return datasets.utils._filelock.FileLock("/x").mode
def name():
    return str(hash("x" * 300)) in datasets.utils._filelock.FileLock("x" * 300).lock_file
def timed():
    return datasets.utils._filelock.FileLock("/x", no_such=1)
def free():
    return evaluate.module.FileFreeLock("/x")._acquire()
def bare():
    return datasets.utils._filelock.FileLock()
for one in (blind, mode, name, timed, free, bare): step(one)
"""
IMPORT = "import os; os.umask(0)\nimport compatshim\n"
TARGETS = "import evaluate.module, datasets.utils._filelock\n"
STORY = IMPORT + TARGETS + USE
HUB = """
class FileLock:
    def __init__(self, lock_file, timeout=-1): self.lock_file = lock_file
def WeakFileLock(lock_file): return FileLock(lock_file, timeout=3, mode=0o664).lock_file
"""
EVALUATE = "shims/evaluate_filefreelock.py"
MODE = "shims/datasets_filelock_mode.py"
NO_PROC = """
import builtins
real = builtins.open
def open_(path, *args, **kwargs):
    if str(path).startswith("/proc/"): raise OSError
    return real(path, *args, **kwargs)
builtins.open = open_
"""


class Scenario(NamedTuple):
    """A program, and where it runs."""

    program: str = STORY
    versions: Dict[str, str] = support.STORY
    modules: Dict[str, str] = support.MODULES
    env: Mapping[str, str] = MappingProxyType({})
    also: Sequence[str] = ()
    """Statements, by their beginnings, that always raise: handlers are only reached so."""
    kind: str = "Fault"
    """What these raise."""
    path: Sequence[str] = ()
    cwd: str = "empty"
    """A directory of those below."""
    quiet: bool = False
    """Whether a notice may not be shown."""


def changed(text: str) -> Dict[str, str]:
    return {**support.MODULES, "evaluate/module.py": text}


SHAPE = changed("class FileFreeLock: pass")
HEALTHY = changed(support.EVALUATE.replace("return False", "return self._lock_file_fd is not None"))
DIALECT = changed(support.EVALUATE.replace("poll_interval=0.05", "poll_intervall=0.05"))
ODD_TYPE = changed(support.EVALUATE.replace("self._lock_file_fd = self.filelock.lock_file", "raise TypeError"))
RELOAD = "import importlib\nfor _ in range(2): importlib.reload(evaluate.module)\n"
LATE = "import evaluate.module, datasets.utils._filelock\n" + IMPORT + USE
UMASK = "__import__('os').umask(0); super().__init__(self"
ASK_FIRST = IMPORT + "step(lambda: str(compatshim.status()) and 'asked')\n" + TARGETS + USE
STRICT_WARNINGS = "import warnings; warnings.simplefilter('error')\n" + STORY
PURGE = """
import sys
for name in [name for name in sys.modules if name.startswith("compatshim")]: del sys.modules[name]
"""
THEIR_PATCH = """
import functools
def theirs(old):
    @functools.wraps(old)
    def call(*args, **kwargs): return old(*args, **kwargs)
    return call
datasets.utils._filelock.FileLock.__init__ = theirs(datasets.utils._filelock.FileLock.__init__)
old = evaluate.module.FileFreeLock.is_locked.fget
"""
FINDERS = """
import sys, importlib.util
class Asks:
    busy = False
    def find_spec(self, name, path=None, target=None):
        if self.busy or name != "evaluate.module": return None
        self.busy = True
        try: return importlib.util.find_spec(name)
        finally: self.busy = False
class Raises:
    def find_spec(self, name, path=None, target=None):
        if name == "datasets.utils.filelock": raise ImportError("no")
sys.meta_path.insert(1, Asks())
sys.meta_path.append(Raises())
step(lambda: __import__("datasets.utils.filelock"))
sys.meta_path.remove(sys.meta_path[-1])
step(lambda: __import__("datasets.utils.filelock"))
"""
ASK = """
step(lambda: str(compatshim.status()) and compatshim.status().applied and "asked")
step(lambda: compatshim.status().as_dict() and "asked")
step(lambda: str(evaluate.module.FileFreeLock._acquire.__compatshim__) and "asked")
step(lambda: hasattr(compatshim, "no_such_name") or "asked")
step(lambda: compatshim.CompatshimWarning and "asked")
"""
REVERT = """
for _ in range(2): step(lambda: compatshim.revert() or "asked")
step(lambda: old(evaluate.module.FileFreeLock("/x")))
"""
REPLACED = "datasets/utils/_filelock.py"


def lock_module(old: str, new: str) -> Dict[str, str]:
    assert old in support.DATASETS
    return {**support.MODULES, REPLACED: support.DATASETS.replace(old, new)}


TABLE = "[tool.compatshim]\n"
DIRECTORIES = {
    "empty": "",
    "log": "",
    "unrelated": "[project]\n",
    "a dependency": "[project]\ndependencies = ['compatshim']\n",
    "settings": f"{TABLE}mode = 'apply'\ndisable = ['CSA-2026-0001']\n",
    "all off": f"{TABLE}disable = '*'\n",
    "wrong settings": f"{TABLE}mode = 'x'\ndisable = 3\n",
    "no table": "tool.compatshim = 3\n",
    "no TOML": "[tool.compatshim",
}
NO_PARSER = "import sys\nsys.modules['tomllib'] = sys.modules['tomli'] = None\n"
CHILD = "import sys\nsys.orig_argv = sys.argv = ['--multiprocessing-fork']\n"
COMMAND = "import sys\nsys.argv, sys.orig_argv = ['-m', 'check'], ['python', '-m', 'compatshim', 'check']\n"
FULL_LOG = """
import os, sys, tempfile
os.environ["COMPATSHIM_LOG"] = tempfile.mkdtemp(dir=os.environ["COMPATSHIM_LOG"])
os.environ["COMPATSHIM"] = "off"
import compatshim.startup.joblog as joblog
joblog.LIMIT = 700
del os.environ["COMPATSHIM"], sys.modules["compatshim"]
"""
SECOND_LOOK = """
import sys
import compatshim.startup.late
sys.path.append("/another")
try: import sitecustomize
except ImportError: pass
"""


def package(**modules: str) -> Dict[str, str]:
    """Modules by their dotted names (``__`` for the dot), and the packages that they are in."""
    files: Dict[str, str] = {}
    for name, text in modules.items():
        *parents, last = name.split("__")
        for depth in range(len(parents)):
            files.setdefault(f"{'/'.join(parents[: depth + 1])}/__init__.py", "")
        files[f"{'/'.join([*parents, last])}{'' if parents else '/__init__'}.py"] = text
    return files


def pins(program: str, modules: Dict[str, str], **versions: str) -> Scenario:
    """Old pins, of which only what the shims look at is there."""
    return Scenario(IMPORT + program, {name.replace("_", "-"): text for name, text in versions.items()}, modules)


HEADERS = """
class config: HF_ENDPOINT = "https://hub"
def get_authentication_headers_for_url(url, token=None):
    from huggingface_hub import hf_api
    if url.startswith(config.HF_ENDPOINT) and token is not False:
        return {"authorization": "Bearer %s" % (token or hf_api.HfFolder.get_token())}
    return {}
"""
USE_HEADERS = """
from evaluate.utils.file_utils import get_authentication_headers_for_url as headers
for url, token in (("https://hub/x", None), ("https://hub/x", "t"), ("https://hub/x", False), ("https://x", None)):
    step(lambda: headers(url, token))
"""
CONFIG = "class DownloadConfig:\n    def __init__(self, token=None): self.token = token"
USE_CONFIG = """
from datasets.download.download_config import DownloadConfig
step(lambda: DownloadConfig("t").use_auth_token)
step(lambda: DownloadConfig("t").ignore_url_params)
def without():
    config = DownloadConfig("t")
    del config.token
    return config.use_auth_token
step(without)
"""
COLUMN = """
class Column:
    def __getitem__(self, key): return [1, 2][key]
class Dataset:
    def __getitem__(self, key): return {"a": Column(), "b": 3}[key]
"""
METRIC = """
from datasets.arrow_dataset import Dataset
class EvaluationModule:
    def compute(self, data): return [data[name] for name in ("a", "b")]
"""
USE_COLUMN = """
import evaluate.module
step(lambda: evaluate.module.Dataset()["a"] == [1, 2])
step(lambda: evaluate.module.Dataset()["b"])
step(lambda: evaluate.module.Dataset()["c"])
"""
NUMPY = """
def array(value, copy=True):
    if copy is False: raise ValueError("a copy is needed")
    return list(value)
"""
EXTRACTOR = """
import numpy as np
class NumpyArrowExtractor:
    def extract(self, value, **options): return np.array(value, copy=False)
"""
USE_NUMPY = """
from datasets.formatting.formatting import NumpyArrowExtractor, np
step(lambda: NumpyArrowExtractor().extract((1, 2)))
step(lambda: np.array((1, 2)))
"""
OBJECT = "import numpy as np\ndef kinds(): return [np.object for _ in (1,)]"
OBJECTS = "import numpy as np\nclass A:\n    def kind(self): return np.object is object"
USE_OBJECT = """
import datasets.features.features, datasets.formatting.formatting
step(lambda: datasets.features.features.kinds() == [object])
step(lambda: datasets.formatting.formatting.A().kind())
"""
PANDAS = """
class DataFrame:
    def __init__(self, data): self.dtypes = dict.fromkeys(data, "str")
    def astype(self, kinds):
        frame = DataFrame({})
        frame.dtypes = {name: "object" if name in kinds else kind for name, kind in self.dtypes.items()}
        return frame
def read_csv(file, sep=","): return file
"""
ARROW = """
class types:
    @staticmethod
    def is_large_string(kind): return kind == "large_string"
class Field:
    def __init__(self, kind): self.type = kind
class Table:
    @staticmethod
    def from_pandas(frame):
        table = Table()
        table.schema = table
        table.frame = frame
        return table
    def field(self, name): return Field({"str": "large_string", "object": "string"}[self.frame.dtypes[name]])
"""
FOLDER = """
import pandas as pd
import pyarrow as pa
class FolderBasedBuilder:
    def kind(self): return pa.Table.from_pandas(pd.DataFrame({"file_name": []})).field("file_name").type
    def known(self): return [one for one in ("string",)]
"""
USE_FOLDER = """
from datasets.packaged_modules.folder_based_builder.folder_based_builder import FolderBasedBuilder
step(lambda: FolderBasedBuilder().kind())
"""
CSV = """
import pandas as pd
class CsvConfig:
    sep, verbose = ",", False
    @property
    def pd_read_csv_kwargs(self): return {"sep": self.sep, "verbose": self.verbose}
"""
USE_CSV = """
from datasets.packaged_modules.csv.csv import CsvConfig
config = CsvConfig()
step(lambda: config.pd_read_csv_kwargs)
config.verbose = True
step(lambda: config.pd_read_csv_kwargs)
"""
USE_LOCAL = """
from fsspec.implementations.local import LocalFileSystem
step(lambda: LocalFileSystem.protocol != "file")
step(lambda: LocalFileSystem.protocol == ("file", "local"))
step(lambda: LocalFileSystem.protocol == "s3")
"""
OLD_PATTERNS = """
ALL_DEFAULT_PATTERNS = [{"train": ["**x*"]}]
class FS:
    def glob(self, path, detail=False):
        if "**x" in path: raise ValueError("Invalid pattern")
        return {"plain": 0} if detail else ["plain"]
    def find(self, root, withdirs, detail): return {root + "a/x.csv": 1, root + "b.csv": 2}
    def _strip_protocol(self, path): return path
LocalFileSystem = HfFileSystem = FS
"""
PATTERNS = (
    OLD_PATTERNS
    + """
def get_fs_token_paths(path, options=None):
    FS().glob(path)
    return FS(), "token", [path]
"""
)
TRANSLATE = "def glob_translate(pattern):\n    if '**x' in pattern: raise ValueError('Invalid pattern')"
USE_PATTERNS = """
from datasets.data_files import get_fs_token_paths
for path in ("/d/**x*", "/d/*", "/d"):
    step(lambda: get_fs_token_paths(path, None)[0].glob(path))
    step(lambda: get_fs_token_paths(path)[0].glob(path, detail=True))
"""
USE_OLD_PATTERNS = """
from datasets.data_files import LocalFileSystem
step(lambda: LocalFileSystem().glob("/d/**x*"))
"""
EXTENSION = """
known = {}
class ExtensionType:
    def __init__(self, storage, name): self.name, self.data = name, self.__arrow_ext_serialize__()
def register_extension_type(kind): known[kind.name] = kind
def unregister_extension_type(name): del known[name]
def null(): return None
"""
USE_EXTENSION = """
import pyarrow
def kind():
    class Kind(pyarrow.PyExtensionType):
        def __init__(self, size):
            self.size = size
            super().__init__(None)
        def __reduce__(self): return Kind, (self.size,)
    return Kind
step(lambda: kind()(2).data.decode())
step(lambda: kind().__arrow_ext_deserialize__(None, b"[3]").size)
step(lambda: kind() and list(pyarrow.known.values())[0].__arrow_ext_deserialize__(None, b"[4]").size)
def late():
    made = kind()
    step(lambda: compatshim.revert() or "asked")
    return made(2).data.decode()
step(late)
"""
TO_PYLIST = """
import pyarrow as pa
class ArrayExtensionArray(pa.Array):
    def to_pylist(self): return [7]
"""
TO_PYLIST_WITH_MAPS = TO_PYLIST.replace("(self)", "(self, maps_as_pydicts=0)")
ARRAY = "class Array:\n    def to_pylist(self):\n        'to_pylist(self, *, maps_as_pydicts=None)'"
USE_TO_PYLIST = """
from datasets.features.features import ArrayExtensionArray
step(lambda: ArrayExtensionArray().to_pylist())
step(lambda: ArrayExtensionArray().to_pylist(maps_as_pydicts=None))
"""
USE_HF_FOLDER = """
import huggingface_hub
step(lambda: huggingface_hub.HfFolder.get_token())
"""
SECRET = {"huggingface_hub/__init__.py": "def get_token(): return 'secret'"}
DOWNLOAD = {**SECRET, "huggingface_hub/constants.py": "HF_HOME = '/home'"}
USE_DOWNLOAD = """
import huggingface_hub.constants
step(lambda: huggingface_hub.constants.hf_cache_home)
step(lambda: huggingface_hub.cached_download("https://x"))
"""
HTTPX = """
class Client:
    def __init__(self, *, base_url, proxy=None): self.made = [base_url, proxy]
class AsyncClient(Client): pass
"""
CLIENTS = """
import httpx
class SyncHttpxClientWrapper(httpx.Client): pass
class AsyncHttpxClientWrapper(httpx.AsyncClient): pass
class SyncAPIClient:
    def __init__(self, proxies): self.client = SyncHttpxClientWrapper(base_url="x", proxies=proxies)
class AsyncAPIClient:
    def __init__(self, proxies): self.client = AsyncHttpxClientWrapper(base_url="x", proxies=proxies)
"""
OLD_CLIENTS = """
import httpx
class SyncAPIClient:
    def __init__(self, proxies): self.client = httpx.Client(base_url="x", proxies=proxies)
class AsyncAPIClient:
    def __init__(self, proxies): self.client = httpx.AsyncClient(base_url="x", proxies=proxies)
"""
USE_CLIENTS = """
import openai._base_client as clients
for proxies in (None, "http://proxy", {"all://": "http://proxy"}):
    step(lambda: clients.SyncAPIClient(proxies).client.made)
    step(lambda: clients.AsyncAPIClient(proxies).client.made)
"""
CHECKS = """
def _LGBMCheckArray(x, ensure_all_finite=True): return [x, ensure_all_finite]
def _LGBMCheckXY(x, y, ensure_all_finite=True): return [x, y, ensure_all_finite]
class LGBMModel:
    name = "x"
    def fit(self, x, y): return _LGBMCheckXY(x, y, force_all_finite=False)
    def predict(self, x): return _LGBMCheckArray(x, force_all_finite=False)
"""
USE_CHECKS = """
from lightgbm.sklearn import LGBMModel, _LGBMCheckArray
step(lambda: LGBMModel().fit(1, 2))
step(lambda: LGBMModel().predict(1))
step(lambda: _LGBMCheckArray(1))
"""
GET_MODULE = "def get_module(name, required=None): return __import__(name)"
USE_GET_MODULE = """
from wandb.util import get_module
step(lambda: [get_module("numpy").float_ is float, get_module("numpy").complex_ is complex])
step(lambda: get_module("json", required=True).dumps(1))
"""
USE_QUOTE = """
import werkzeug.urls
step(lambda: werkzeug.urls.url_quote("a b/c"))
step(lambda: werkzeug.urls.url_quote(b"a b/c"))
"""
USE_SOFT = """
import markupsafe
step(lambda: markupsafe.soft_unicode(7))
"""
APPENGINE = package(urllib3__exceptions="class HTTPError(Exception): pass", urllib3__contrib__socks="")
USE_APPENGINE = """
def made():
    from urllib3.contrib import appengine
    return appengine.AppEngineManager()
step(made)
"""
FORMATTING = "datasets__formatting__formatting"
BUILDER = "datasets__packaged_modules__folder_based_builder__folder_based_builder"
RANKS = """
class EvaluationModule:
    num_process, filelock, writer = 1, None, None
    def __init__(self, fails=False):
        if fails: raise ValueError("theirs")
    def _check_rendez_vous(self): return self.experiment_id
    def _init_writer(self, timeout=1): return ["opened", timeout]
    def _finalize(self): return "read"
class CombinedEvaluations:
    def _merge_results(self, results): return [sorted(one.keys()) for one in results]
"""
USE_RANKS = """
from evaluate.module import CombinedEvaluations, EvaluationModule
step(lambda: EvaluationModule(fails=True))
step(lambda: EvaluationModule()._init_writer(timeout=2))
step(lambda: EvaluationModule()._finalize())
step(lambda: CombinedEvaluations()._merge_results([{"a": 1}, {"b": 2}]))
step(lambda: CombinedEvaluations()._merge_results([None, None]))
"""
OLD_PINS: Dict[str, Scenario] = {
    "ranks": pins(USE_RANKS, package(evaluate__module=RANKS), evaluate="0.4.6"),
    "ranks, nothing combined": pins(
        USE_RANKS, package(evaluate__module=RANKS.partition("class Comb")[0] + "CombinedEvaluations = None"),
        evaluate="0.4.6",
    ),
    "ranks that cannot be counted": pins(
        "from evaluate.module import EvaluationModule\none = EvaluationModule()\none.num_process = 'two'\n"
        "step(lambda: one._finalize())",
        package(evaluate__module=RANKS), evaluate="0.4.6",
    ),
    "ranks that cannot be told apart": pins(
        "from evaluate.module import EvaluationModule\ndel EvaluationModule.num_process\n"
        "step(lambda: EvaluationModule() and 'made')",
        package(evaluate__module=RANKS), evaluate="0.4.6",
    ),
    "auth headers": pins(
        USE_HEADERS,
        {**package(evaluate__utils__file_utils=HEADERS, huggingface_hub__hf_api=""), **SECRET},
        evaluate="0.4.5", huggingface_hub="1.4.1",
    ),
    "download config": pins(
        USE_CONFIG, package(datasets__download__download_config=CONFIG), evaluate="0.4.1", datasets="3.0.0"
    ),
    "column": pins(
        USE_COLUMN,
        package(evaluate__module=METRIC, datasets__arrow_dataset=COLUMN),
        evaluate="0.4.2", datasets="4.0.0",
    ),
    "column, read whole": pins(
        USE_COLUMN,
        package(evaluate__module=METRIC.replace("[name]", "[name][:]"), datasets__arrow_dataset=COLUMN),
        evaluate="0.4.2", datasets="4.0.0",
    ),
    "numpy copy": pins(
        USE_NUMPY, package(numpy=NUMPY, **{FORMATTING: EXTRACTOR}), datasets="2.18.0", numpy="2.0.0"
    ),
    "numpy, as it was": pins(
        USE_NUMPY,
        package(numpy=NUMPY.replace("is False", "is 0"), **{FORMATTING: EXTRACTOR}),
        datasets="2.18.0", numpy="2.0.0",
    ),
    "numpy, no copy": pins(
        USE_NUMPY,
        package(numpy=NUMPY, **{FORMATTING: EXTRACTOR.replace(", copy=False", "")}),
        datasets="2.18.0", numpy="2.0.0",
    ),
    "numpy object": pins(
        USE_OBJECT,
        package(numpy="", datasets__features__features=OBJECT, **{FORMATTING: OBJECTS}),
        datasets="2.3.2", numpy="1.24.0",
    ),
    "folder metadata": pins(
        USE_FOLDER, package(pandas=PANDAS, pyarrow=ARROW, **{BUILDER: FOLDER}), datasets="3.6.0", pandas="3.0.0"
    ),
    "csv options": pins(
        USE_CSV, package(pandas=PANDAS, datasets__packaged_modules__csv__csv=CSV), datasets="2.16.1", pandas="3.0.0"
    ),
    "local file system": pins(
        USE_LOCAL,
        package(fsspec__implementations__local="class LocalFileSystem: protocol = ('file', 'local')"),
        datasets="2.14.4", fsspec="2023.10.0",
    ),
    "patterns": pins(
        USE_PATTERNS,
        package(datasets__data_files=PATTERNS, fsspec__utils=TRANSLATE),
        datasets="2.14.4", fsspec="2023.12.0",
    ),
    "older patterns": pins(
        USE_OLD_PATTERNS,
        package(datasets__data_files=OLD_PATTERNS, fsspec__utils=TRANSLATE),
        datasets="2.10.1", fsspec="2023.12.0",
    ),
    "patterns, as they were": pins(
        USE_PATTERNS,
        package(datasets__data_files=PATTERNS, fsspec__utils=""),
        datasets="2.14.4", fsspec="2023.12.0",
    ),
    "extension type": pins(USE_EXTENSION, package(pyarrow=EXTENSION), datasets="2.14.6", pyarrow="21.0.0"),
    "array to_pylist": pins(
        USE_TO_PYLIST,
        package(pyarrow=ARRAY, datasets__features__features=TO_PYLIST),
        datasets="2.18.0", pyarrow="20.0.0",
    ),
    "array to_pylist, with maps": pins(
        USE_TO_PYLIST,
        package(pyarrow=ARRAY, datasets__features__features=TO_PYLIST_WITH_MAPS),
        datasets="2.18.0", pyarrow="20.0.0",
    ),
    "proxies": pins(
        USE_CLIENTS, package(httpx=HTTPX, openai___base_client=CLIENTS), openai="1.55.2", httpx="0.28.1"
    ),
    "proxies, older": pins(
        USE_CLIENTS, package(httpx=HTTPX, openai___base_client=OLD_CLIENTS), openai="1.0.0", httpx="0.28.1"
    ),
    "checks": pins(
        USE_CHECKS, package(lightgbm__sklearn=CHECKS), lightgbm="4.5.0", scikit_learn="1.8.0"
    ),
    "numpy types": pins(
        USE_GET_MODULE,
        package(numpy="float64, complex128 = float, complex", wandb__util=GET_MODULE),
        wandb="0.17.1", numpy="2.0.0",
    ),
    "url_quote": pins(USE_QUOTE, package(werkzeug__urls=""), flask="2.2.3", werkzeug="3.1.9"),
    "soft_unicode": pins(USE_SOFT, package(markupsafe="soft_str = str"), jinja2="2.11.3", markupsafe="2.1.0"),
    "App Engine": pins(USE_APPENGINE, APPENGINE, requests_toolbelt="0.10.1", urllib3="2.0.0"),
    "cached_download": pins(USE_DOWNLOAD, DOWNLOAD, diffusers="0.24.0", huggingface_hub="1.4.1"),
    "HfFolder": pins(USE_HF_FOLDER, SECRET, datasets="2.15.0", huggingface_hub="2.4.0"),
}  # fmt: skip


ASK_FOREIGN = "step(lambda: str(compatshim.status()) and 'asked')\n"
DAMAGED_OFFER = {"damaged-1.0.dist-info/entry_points.txt": "compatshim.catalogs\n"}


def foreign(allowed: str, before: str = "", asked: str = "", **files: str) -> Scenario:
    """Shims of an organisation beside ours, in packages some of which cannot be used."""
    packages = {
        "acme_shims": acme.index(),
        "acme_old": "nothing",
        "acme_others": acme.index("ACME-2026-0002", shim="acme_others.answer"),
        "acme_twin": acme.index(shim="acme_twin.answer"),
        "acme_csa": acme.index("CSA-2999-0001", shim="acme_csa.answer", symptom="hang"),
        "acme_strange": acme.index("ACME-2026-0003", shim="os.path", symptom="slow"),
    }
    modules = {**support.MODULES, **acme.LOADER, **files}
    for name, text in packages.items():
        modules.update({**acme.package(name, text), **acme.offered(name)})
    program = f"{IMPORT}{asked}{before}{TARGETS}import acme_loader\nstep(acme_loader.answer)\n{USE}"
    return Scenario(program, modules=modules, env={"COMPATSHIM_SHIMS": allowed}, path=("file",))


SCENARIOS: Dict[str, Scenario] = {
    **OLD_PINS,
    "story": Scenario(),
    "late": Scenario(LATE),
    "reload": Scenario(IMPORT + TARGETS + RELOAD + USE),
    "re-armed": Scenario(IMPORT + TARGETS + "import importlib; importlib.reload(compatshim)\n" + USE),
    "purged": Scenario(IMPORT + TARGETS + THEIR_PATCH + PURGE + IMPORT + USE),
    "other finders": Scenario(IMPORT + FINDERS + TARGETS + USE),
    "off": Scenario(env={"COMPATSHIM": "off"}),
    "nothing installed": Scenario(ASK_FIRST, {}),
    "shape": Scenario(modules=SHAPE),
    "another shape": Scenario(modules=ODD_TYPE),
    "shape, warnings are errors": Scenario(STRICT_WARNINGS, modules=SHAPE),
    "shape, second rank": Scenario(modules=SHAPE, env={"RANK": "1"}, quiet=True),
    "healthy": Scenario(modules=HEALTHY),
    "dialect": Scenario(modules=DIALECT),
    "no mode": Scenario(modules=lock_module("mode=0o644):", "other=0o644, **mode):")),
    "umask": Scenario(modules=lock_module("super().__init__(self", UMASK)),
    "no hash": Scenario(modules=lock_module("class FileLock_:", "hash = lambda text: 7\nclass FileLock_:")),
    "no /proc": Scenario(NO_PROC + STORY),
    "hub": Scenario(
        "import compatshim, huggingface_hub.utils._fixes as fixes\nstep(lambda: fixes.WeakFileLock('/x'))",
        {"huggingface_hub": "1.4.1", "filelock": "3.9.0"},
        {f"huggingface_hub/{name}": text for name, text in
         {"__init__.py": "", "utils/__init__.py": "", "utils/_fixes.py": HUB}.items()},
    ),
    "garbage": Scenario(versions={**support.STORY, "evaluate": "garbage"}),
    "garbage, packaging": Scenario(versions={**support.STORY, "evaluate": "garbage"}, path=("packaging",)),
    "packaging": Scenario(versions={**support.STORY, "evaluate": "0.4.1+vendor"}, path=("packaging",)),
    "odd path": Scenario(path=("/missing", "bytes", "file", "zip", "egg")),
    "nonsense": Scenario(env={"COMPATSHIM": "nonsense"}),
    "disabled": Scenario(env={"COMPATSHIM_DISABLE": "CSA-2026-0001"}),
    "observe": Scenario(env={"COMPATSHIM": "observe"}),
    "wrong names": Scenario(env={"COMPATSHIM_DISABLE": "nonsense,CSA-2026-0001"}),
    **{f"in {name}": Scenario(cwd=name) for name in DIRECTORIES},
    "no parser": Scenario(NO_PARSER + STORY, cwd="settings"),
    "no parser, a dependency": Scenario(NO_PARSER + STORY, cwd="a dependency"),
    "no directory": Scenario("import os\nos.mkdir('x'); os.chdir('x'); os.rmdir('../x')\n" + STORY),
    "log": Scenario(env={"COMPATSHIM_LOG": "log"}),
    "log of a rank": Scenario(env={"COMPATSHIM_LOG": "log", "RANK": "0", "WORLD_SIZE": "2", "SLURM_JOB_ID": "7"}),
    "no log": Scenario(env={"COMPATSHIM_LOG": "/missing"}),
    "full log": Scenario(FULL_LOG + STORY, env={"COMPATSHIM_LOG": "log"}),
    "the log fails": Scenario(env={"COMPATSHIM_LOG": "log"}, also=["joblog.append(entry)"]),
    "shape, a child": Scenario(CHILD + STORY, modules=SHAPE, quiet=True),
    "shape, multiprocessing": Scenario("import multiprocessing\n" + STORY, modules=SHAPE),
    "second look": Scenario("import os; os.umask(0)\n" + SECOND_LOOK + TARGETS + USE),
    "the second look fails": Scenario(
        "import os; os.umask(0)\n" + SECOND_LOOK + TARGETS + USE, also=["if fullname == 'sitecustomize'"]
    ),
    "the command line": Scenario(COMMAND + STORY),
    "newer": Scenario(versions={**support.STORY, "evaluate": "0.4.1.0.1", "filelock": "99"}),
    "asked": Scenario(
        IMPORT + TARGETS + THEIR_PATCH + ASK + REVERT + USE,
        env={"COMPATSHIM": "apply", "COMPATSHIM_DISABLE": "CSA-9999-0001"},
    ),
    "foreign": foreign("acme_shims"),
    "foreign, some too many": foreign(
        "acme_shims,nowhere,datasets,acme_old,acme_others,acme_twin,acme_csa,acme_strange"
    ),
    "foreign, taken back": foreign("acme_shims", "import os\nos.environ['COMPATSHIM_SHIMS'] = ''\n"),
    "foreign, asked": foreign("", asked=ASK_FOREIGN),
    "foreign, asked, and damaged": foreign("", asked=ASK_FOREIGN, **DAMAGED_OFFER),
    "a shim fails": Scenario(also=["poll = _poll(module)"]),
    "a shim fails half way": Scenario(also=["_patches.extend(patches)"]),
    "a probe fails": Scenario(also=["lock = module.FileFreeLock("]),
    "a replacement fails": Scenario(also=["kwargs['mode']"]),
    "another replacement fails": Scenario(also=["return int(hashlib"]),
    "the ledger fails": Scenario(modules=SHAPE, also=["text = f'compatshim {message}'"]),
    "the hook fails": Scenario(also=["entry = ledger.Entry("]),
    "the hook fails without a word": Scenario(also=["entry = ledger.Entry("], kind="Unspeakable"),
    "the hook and the guard fail": Scenario(also=["entry = ledger.Entry(", "guard.failed(f'{name} is imported"]),
    "late, the hook fails": Scenario(LATE, also=["entry = ledger.Entry("]),
    "the finder fails": Scenario(also=["key = (get_ident()"]),
    "the loader fails": Scenario(also=["spec: Any = module.__spec__"]),
    "start-up fails": Scenario(also=["index = _index()"]),
    "start-up fails, warnings are errors": Scenario(STRICT_WARNINGS, also=["index = _index()"]),
    "start-up fails without a word": Scenario(also=["index = _index()"], kind="Unspeakable"),
}  # fmt: skip

# Here nobody of ours stands in between: the call of the real thing itself.
THEIRS = (
    "self._loader.exec_module(module)",
    "return getattr(object.__getattribute__(self, '_loader'), name)",
    "return original(*adjusted[0], **adjusted[1])",
    "return original(*args, **kwargs)",
    "return original(*args, **kwargs) if chosen is None else chosen()",
    "return _without_us(original, args, kwargs, ours)",
    "result = original(*args, **kwargs)",
    "spec: Optional[ModuleSpec] = find(*arguments)",
)
# The outermost handlers, where a first failure has already been caught and a second one would be the last.
LAST = (
    ("replacements.missing", "raise AttributeError"),  # as if nothing were there
    ("replacements.refuse", "raise AttributeError"),
    ("replacements.cached_download", "raise RuntimeError"),
    ("replacements.AppEngineManager.__init__", "raise AppEnginePlatformError"),
    ("Late.find_spec", "sys.meta_path[:] ="),
    ("Late.find_spec", "from compatshim.startup import guard"),
    ("Late.find_spec", "guard.failed("),
    ("warn", "return"),  # of what has been said already
    ("Finder.find_spec", "_failed(fullname, error)"),
    ("Finder.find_spec", "return None"),
    ("_Loader.exec_module", "if self._finder.strict:"),
    ("_Loader.exec_module", "_failed(self._name, error)"),
    ("_failed", "if not _said and sys.stderr is not None:"),
    ("_failed", "_said.add(name)"),
    ("_failed", "sys.stderr.write("),
    ("before.call", "ours = error"),
    ("either.call", "ours = error"),
    ("after.call", "_report(original, error, None)"),
    ("after.call", "return result"),
    ("instead.call", "ours = error"),
    ("_report", ""),
    ("describe", "return type(error).__name__"),
    ("_without_us", "_report(original, ours, theirs)"),
    ("_without_us", "_report(original, ours, None)"),
    ("_without_us", "raise"),
    ("_without_us", "return result"),
)
# Reached only under COMPATSHIM=strict, or not on this system.
ELSEWHERE = (
    ("_start", "raise"),
    ("_Loader.exec_module", "raise"),
    ("install", "raise"),
    ("act", "raise RuntimeError(f'compatshim {message} ({entry.detail})')"),
    ("probe", "return False"),  # os.name is not posix
    ("_table", "import tomli as tomllib"),
    ("_write", "raise OSError(f'{path} is not a file')"),
    ("_put", "raise OSError('the disk is full')"),
    ("_read", "return"),  # a folder in the place of a file
    # Of the command line.
    (
        "known",
        "return sorted({line.split('\\t')[1] for line in compatshim._index()[2].split('\\n') if '\\t' in line})",
    ),
    ("armed", "rows, unknown = holding(own(), versions)"),
    ("armed", "return (hooks(rows), unknown)"),
    ("scan", "return compatshim._installed(compatshim._index(), path)"),
)


def unguarded(point: Point) -> bool:
    """Whether no code of ours can stand around the statement."""
    # Outermost, too; of late.py the `site` module speaks.
    outermost = {"__init__.py": ("", "_start"), "startup/late.py": ("", "Late", "Late.__init__")}
    if point.function in outermost.get(point.file, ()):
        return True
    last = any(point.function == function and point.text.startswith(text) for function, text in LAST)
    return last or point.text in THEIRS


Plain = Dict[str, List[Outcome]]
"""Scenarios without compatshim, with it, with it and without what always fails in it, and what else may come."""


class Bench:
    """An instrumented package, the scenarios' environments, and a process that runs programs."""

    def __init__(self, folder: Path, packaging: str) -> None:
        self.home = folder / "home"
        self.points = faults.instrument(self.home)
        compileall.compile_dir(self.home, quiet=1)  # once, and not in each of thousands of processes
        self.folder = folder
        self.special = {"packaging": packaging, "file": str(folder / "file"), "zip": str(folder / "odd.zip")}
        (folder / "file").write_text("")
        egg = folder / "egg"
        (egg / "filelock.egg-info").mkdir(parents=True)
        (egg / "filelock.egg-info" / "PKG-INFO").write_text("Name: filelock\nVersion: 3.12.0\n")
        (egg / "evaluate-0.4.1-py3.8.egg-info").write_text("")
        (egg / "huggingface_hub.egg-info").mkdir()
        (egg / "filelock-1.txt").write_text("")
        self.special["egg"] = str(egg)
        with zipfile.ZipFile(folder / "odd.zip", "w") as file:
            file.writestr("other-1.dist-info/METADATA", "")
        for name, text in DIRECTORIES.items():
            self.special[name] = str(folder / name)
            (folder / name / "deep").mkdir(parents=True)
            if text:
                (folder / name / "pyproject.toml").write_text(text)
        self.sites: Dict[str, str] = {}

    def request(self, name: str, raises: Sequence[Tuple[int, str]], *, failing: bool = True, **env: str) -> str:
        """One run of a scenario; without what always fails in it (or what it reverts) unless ``failing``."""
        scenario = SCENARIOS[name]
        if name not in self.sites:
            where = self.folder / f"site-{len(self.sites)}"
            self.sites[name] = support.site(where, scenario.versions, scenario.modules)
            compileall.compile_dir(where, quiet=1)
        path = [str(self.home), *(self.special.get(one, one) for one in scenario.path), self.sites[name]]
        also = [(faults.find(self.points, text).number, scenario.kind) for text in scenario.also if failing]
        chosen = [*(pair for pair in also if pair[0] not in dict(raises)), *raises]
        program = scenario.program if failing else scenario.program.replace("compatshim.revert()", "None")
        unset = ("COMPATSHIM", "COMPATSHIM_DISABLE", "COMPATSHIM_LOG", "COMPATSHIM_SHIMS", "RANK")
        env = {**dict.fromkeys(unset, ""), **scenario.env, **env}
        env = {key: self.special.get(value, value) for key, value in env.items()}
        cwd = os.path.join(self.special[scenario.cwd], "deep")
        return json.dumps({"path": path, "env": env, "program": program, "raise": chosen, "cwd": cwd})

    def run(self, requests: Sequence[str], python: str) -> List[Outcome]:
        """One outcome for each."""
        done = support.start(
            [python, "-s", "-S", "-B", os.path.join(PROGRAMS, "faults.py")],
            input="".join(f"{request}\n" for request in requests).encode(),
            timeout=1200,
        )
        assert done.code == 0, done.err
        answers = [json.loads(line) for line in done.out.splitlines()]
        assert len(answers) == len(requests)
        return [faults.outcome(answer) for answer in answers]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, packaging: str) -> Bench:
    return Bench(tmp_path_factory.mktemp("faults"), packaging)


@pytest.fixture(scope="module")
def plain(bench: Bench) -> Plain:
    """Each scenario without compatshim, and with all its statements in order."""
    names = list(SCENARIOS)
    off = bench.run([bench.request(name, (), COMPATSHIM="off") for name in names], sys.executable)
    on = bench.run([bench.request(name, ()) for name in names], sys.executable)
    best = bench.run([bench.request(name, (), failing=False) for name in names], sys.executable)
    found = {name: three for name, *three in zip(names, off, on, best)}
    for name, scenario in SCENARIOS.items():
        if scenario == Scenario()._replace(env=scenario.env, cwd=scenario.cwd):
            found[name].append(found["story"][1])  # what settings that cannot be read do not switch off
    return found


def judged(name: str, point: Point, kind: str, was: Outcome, plain: Sequence[Outcome]) -> List[str]:
    """What is wrong with an outcome."""
    having, best = plain[1:3]
    wrong = []
    if was.ended:
        wrong.append(f"ended by {was.ended}: {was.err[-300:]}")
    for step, *expected in zip(was.seen, *(one.seen for one in plain)):
        if step not in expected and "asked" not in expected:
            wrong.append(f"{step} is none of {expected}")
    said, usual = len(was.notices), max(len(having.notices), len(best.notices))
    if said > usual + 1:
        wrong.append(f"too many notices: {was.notices}")
    if was.seen != best.seen and not said and not SCENARIOS[name].quiet and "asked" not in best.seen:
        wrong.append("not mended, and no notice")
    return [f"{name}, {kind} at {point.file} {point.function}: {point.text}: {one}" for one in wrong]


ODD = ("Unspeakable", "RecursionError", "MemoryError", "ImportError")


def test_scenarios_are_what_they_say(plain: Plain) -> None:
    without, having = plain["story"][:2]
    error = without.seen[3]
    assert without.seen[:5] == [[False, False], 0o644, True, error, None]
    assert having.seen[:5] == [[True, False], 0o666, False, error, None]
    assert having.seen[5] == without.seen[5]
    assert str(error).startswith("TypeError: ")
    assert plain["hub"][1].seen == ["/x"]
    assert str(plain["hub"][0].seen[0]).startswith("TypeError")
    assert len(plain["shape"][1].notices) == 1
    for name, (before, after, best, *_) in plain.items():
        assert (before.ended, after.ended, best.ended) == ("", "", ""), name
        assert before.notices == [] or SCENARIOS[name].also, name


def reaching(point: Point, plain: Plain) -> List[str]:
    """The scenarios in which the statement is reached, a plain one first."""
    return [name for name in SCENARIOS if point.number in plain[name][1].reached]


def harm(bench: Bench, plain: Plain, runs: Sequence[Tuple[str, Point, str]]) -> List[str]:
    """What is wrong when these statements raise."""
    requests = [bench.request(name, [(point.number, kind)]) for name, point, kind in runs]
    wrong: List[str] = []
    for (name, point, kind), was in zip(runs, bench.run(requests, sys.executable)):
        assert point.number in was.reached
        # Settings that cannot be read do not count, which is said.
        ruled = [plain["story"][1]] if SCENARIOS[name].cwd != "empty" else []
        wrong += judged(name, point, kind, was, [*plain[name], *ruled])
    return wrong


def test_no_statement_harms(bench: Bench, plain: Plain) -> None:
    """Each with a plain exception; every fourth with an odd one, too, of which the matrix has all."""
    runs: List[Tuple[str, Point, str]] = []
    for point in bench.points:
        names = reaching(point, plain)
        if names and not unguarded(point):
            runs.append((names[0], point, "Fault"))
            # What fails in the body of a module is an import that fails.
            if point.function and point.number % 4 == 0:
                runs.append((names[-1], point, ODD[point.number // 4 % len(ODD)]))
    found = harm(bench, plain, runs)
    assert found == [], "\n".join(found)


@pytest.mark.matrix
@pytest.mark.parametrize("kind", ["Fault", *ODD])
def test_no_statement_harms_in_any_scenario(kind: str, bench: Bench, plain: Plain) -> None:
    guarded = [point for point in bench.points if not unguarded(point)]
    assert harm(bench, plain, [(name, one, kind) for one in guarded for name in reaching(one, plain)]) == []


def test_what_is_excepted_is_little(bench: Bench) -> None:
    excepted = [point for point in bench.points if unguarded(point)]
    texts = {point.text for point in excepted}
    assert {text for text in THEIRS if text not in texts} == set()
    assert {text for _, text in LAST if not any(one.startswith(text) for one in texts)} == set()
    assert len(excepted) < len(bench.points) // 12


def test_every_statement_is_reached(bench: Bench, plain: Plain) -> None:
    reached = {number for outcomes in plain.values() for number in outcomes[1].reached}
    missed = [p for p in bench.points if p.number not in reached and (p.function, p.text) not in ELSEWHERE]
    assert [f"{p.file} {p.function}: {p.text}" for p in missed] == []


def swallowed(bench: Bench, plain: Plain, points: Sequence[Point]) -> List[str]:
    """Where Ctrl-C, or an exit, goes no further."""
    kinds = ("KeyboardInterrupt", "SystemExit")
    runs = [(name, point, kinds[point.number // 3 % 2]) for point in points for name in reaching(point, plain)[:1]]
    requests = [bench.request(name, [(point.number, kind)]) for name, point, kind in runs]
    return [
        f"{kind} at {point.file} {point.function}: {point.text}"
        for (_, point, kind), was in zip(runs, bench.run(requests, sys.executable))
        if was.ended != kind
    ]


def test_interruptions_pass(bench: Bench, plain: Plain) -> None:
    assert swallowed(bench, plain, [point for point in bench.points if point.number % 3 == 0]) == []


@pytest.mark.matrix
def test_interruptions_pass_everywhere(bench: Bench, plain: Plain) -> None:
    assert swallowed(bench, plain, bench.points) == []
