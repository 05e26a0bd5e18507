"""Every shim on real packages, in every order of import, reload, revert and other people's patches.

A new shim needs a subclass of :class:`Orders` here, for each module that it mends.
"""

from __future__ import annotations

import os
from typing import ClassVar, Mapping, Sequence

import pytest

from compatshim.kb import environments
from tests import orders
from tests.e2e import support
from tests.orders import Target
from tests.support import notices

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here: not run"),
]


class Orders:
    """The base of all: says what to install and where the fault is, and inherits the tests."""

    versions: ClassVar[Mapping[str, str]]
    around: ClassVar[Sequence[str]] = support.PERIOD
    python: ClassVar[str] = "3.11"
    target: ClassVar[Target]

    def walk(self, depth: int) -> None:
        environment = support.build(self.versions, around=self.around, version=self.python)
        done = environments.run(
            environment,
            os.path.join(support.PROGRAMS, "orders.py"),
            self.target.sent(),
            str(depth),
            timeout=1800,
            env={"HF_HUB_OFFLINE": "1"},
            shim_from=support.PACKAGE,
        )
        assert done.returncode == 0, done.stderr
        assert orders.judge(done.stdout, depth, self.target.actions) == {}
        assert notices(done.stderr) == []

    def test_orders(self) -> None:
        self.walk(orders.BOUNDED)

    @pytest.mark.matrix
    def test_all_orders(self) -> None:
        self.walk(len(self.target.actions))


class TestEvaluateFileFreeLock(Orders):
    versions = support.STORY
    target = Target(
        shim="evaluate_filefreelock",
        module="evaluate.module",
        name="FileFreeLock",
        patched="FileFreeLock.is_locked",
        reach="class",
        advisories=("CSA-2026-0001",),
        fault="""
import os
path = os.path.join(folder, "held-%d" % os.getpid())
holder = module.FileLock(path)
holder.acquire()
lock = FileFreeLock(path)
lock._acquire()
seen = lock.is_locked
lock._release()
holder.release()
return not seen
""",
    )


class TestEvaluateGather(Orders):
    versions = support.STORY
    target = Target(
        shim="evaluate_gather",
        module="evaluate.module",
        name="EvaluationModule",
        patched="EvaluationModule._init_writer",
        reach="class",
        advisories=("CSA-2026-0051",),
        fault="""
import os
class Rows(EvaluationModule):
    def _info(self):
        column = {"predictions": module.Value("int64")}
        return module.EvaluationModuleInfo(
            description="d", citation="c", inputs_description="i", features=module.Features(column)
        )
place = os.path.join(folder, "ranks-%d" % os.getpid())
metric = Rows(num_process=2, process_id=0, cache_dir=place, timeout=0.1)
try:
    metric.add_batch(predictions=[1])
except ValueError:  # nobody else is there
    pass
return any(name.endswith("rdv.lock") for _, _, names in os.walk(place) for name in names)
""",
    )


class TestEvaluateFileFreeLockDialect(Orders):
    versions: ClassVar = {"evaluate": "0.4.2", "datasets": "2.15.0", "filelock": "3.13.1"}
    target = Target(
        shim="evaluate_filefreelock",
        module="evaluate.module",
        name="FileFreeLock",
        patched="FileFreeLock._acquire",
        reach="class",
        advisories=("CSA-2026-0003",),
        fault="""
import os
try:
    FileFreeLock(os.path.join(folder, "free-%d" % os.getpid()))._acquire()
except TypeError:
    return True
return False
""",
    )


MODE = """
import os
os.umask(0)
path = os.path.join(folder, "mode-%d" % os.getpid())
lock = FileLock(path)
lock.acquire()
mode = os.stat(path).st_mode & 0o666
lock.release()
if os.path.exists(path):
    os.unlink(path)
return mode != 0o666
"""

UMASK = """
import os
changed, real = [], os.umask
os.umask = lambda mask: changed.append(mask) or real(mask)
try:
    FileLock(os.path.join(folder, "umask-%d" % os.getpid()))
finally:
    os.umask = real
return bool(changed)
"""

# The name must not depend on the salt of this process.
NAME = """
import os
name = "x" * 300
return str(hash(name)) in FileLock(os.path.join(folder, name)).lock_file
"""


class TestDatasetsLockMode(Orders):
    versions = support.STORY
    target = Target(
        "datasets_filelock_mode",
        "datasets.utils._filelock",
        "FileLock",
        fault=MODE,
        patched="FileLock.__init__",
        reach="class",
        advisories=("CSA-2026-0002",),
    )


class TestDatasetsUmaskRace(Orders):
    versions: ClassVar = {"evaluate": "0.4.1", "datasets": "2.18.0", "filelock": "3.19.1"}
    target = TestDatasetsLockMode.target._replace(fault=UMASK, advisories=("CSA-2026-0005",))


class TestDatasetsLockName(Orders):
    versions = support.STORY
    target = Target(
        "datasets_lock_name",
        "datasets.utils._filelock",
        "FileLock",
        fault=NAME,
        patched="hash",
        reach="globals",
        advisories=("CSA-2026-0006",),
    )


class TestOldDatasetsLockName(Orders):
    versions = TestEvaluateFileFreeLockDialect.versions
    target = TestDatasetsLockName.target._replace(module="datasets.utils.filelock")


class TestHubWeakFileLock(Orders):
    versions: ClassVar = {"huggingface_hub": "1.4.1", "filelock": "3.9.0"}
    around = ()
    target = Target(
        "hub_weakfilelock_mode",
        "huggingface_hub.utils._fixes",
        "WeakFileLock",
        patched="FileLock",
        reach="globals",
        advisories=("CSA-2026-0004",),
        fault="""
import os
try:
    with WeakFileLock(os.path.join(folder, "weak-%d" % os.getpid())):
        return False
except TypeError:
    return True
""",
    )


class TestEvaluateAuthHeaders(Orders):
    versions: ClassVar = {"evaluate": "0.4.5", "huggingface_hub": "1.4.1"}
    around = ()
    target = Target(
        "evaluate_auth_headers",
        "evaluate.utils.file_utils",
        "cached_path",
        patched="get_authentication_headers_for_url",
        reach="globals",
        advisories=("CSA-2026-0008",),
        fault="""
try:
    return module.get_authentication_headers_for_url(module.config.HF_ENDPOINT + "/x") is None
except AttributeError:
    return True
""",
    )


class TestEvaluateDownloadConfig(Orders):
    versions: ClassVar = {"evaluate": "0.4.1", "datasets": "3.6.0"}
    target = Target(
        "evaluate_download_config",
        "datasets.download.download_config",
        "DownloadConfig",
        patched="DownloadConfig.use_auth_token",
        reach="class",
        without=("foreign",),
        advisories=("CSA-2026-0009",),
        fault='return getattr(DownloadConfig(token="x"), "use_auth_token", None) != "x"',
    )


class TestEvaluateColumn(Orders):
    # filelock 4 makes some attributes of its classes anew in a process that is forked.
    versions: ClassVar = {"evaluate": "0.4.2", "datasets": "5.2.0", "filelock": "3.20.3"}
    around = ()
    target = Target(
        "evaluate_column",
        "evaluate.module",
        "EvaluationModule",
        patched="Dataset",
        reach="globals",
        advisories=("CSA-2026-0010",),
        fault='return type(module.Dataset.from_dict({"a": [1]})["a"]) is not list',
    )


class TestDatasetsExtensionType(Orders):
    versions: ClassVar = {"datasets": "2.14.6", "pyarrow": "21.0.0"}
    around = ("pandas<3",)
    target = Target(
        "datasets_extension_type",
        "pyarrow",
        "array",
        patched="PyExtensionType",
        reach="globals",
        without=("foreign",),
        advisories=("CSA-2026-0011",),
        fault='return not hasattr(getattr(module, "PyExtensionType", None), "__arrow_ext_serialize__")',
    )


class TestDatasetsArrayToPylist(Orders):
    # Later ones register their types when they are imported, and so cannot be reloaded.
    versions: ClassVar = {"datasets": "2.14.6", "pyarrow": "20.0.0"}
    around = ("numpy<2", "pandas<3", "fsspec<2023.10")
    target = Target(
        "datasets_array_to_pylist",
        "datasets.features.features",
        "ArrayExtensionArray",
        patched="ArrayExtensionArray.to_pylist",
        reach="class",
        advisories=("CSA-2026-0013",),
        fault="""
import pyarrow
kind = pyarrow.list_(pyarrow.list_(pyarrow.int64()))
shape = type("Kind", (pyarrow.ExtensionType,), {
    "shape": (1, 1), "ndims": 2, "value_type": "int64",
    "__arrow_ext_serialize__": lambda self: b"", "__arrow_ext_class__": lambda self: ArrayExtensionArray,
})(kind, "test.kind")
array = pyarrow.ExtensionArray.from_storage(shape, pyarrow.array([[[7]]], kind))
try:
    return array.to_pylist(maps_as_pydicts=None) != [[[7]]]
except TypeError:
    return True
""",
    )


class TestDatasetsNumpyCopy(Orders):
    versions: ClassVar = {"datasets": "2.18.0", "numpy": "2.2.6"}
    around = ("pandas<3", "pyarrow<20")
    target = Target(
        "datasets_numpy_copy",
        "datasets.formatting.formatting",
        "NumpyArrowExtractor",
        patched="np",
        reach="globals",
        without=("foreign",),
        advisories=("CSA-2026-0015",),
        fault="""
try:
    return module.np.array([1], copy=False).tolist() != [1]
except ValueError:
    return True
""",
    )


class TestDatasetsCsvOptions(Orders):
    versions: ClassVar = {"datasets": "2.16.1", "pandas": "3.0.0"}
    around = ("numpy<2", "pyarrow<20")
    target = Target(
        "datasets_csv_options",
        "datasets.packaged_modules.csv.csv",
        "CsvConfig",
        patched="CsvConfig.pd_read_csv_kwargs",
        reach="class",
        advisories=("CSA-2026-0016",),
        fault='return "verbose" in CsvConfig().pd_read_csv_kwargs',
    )


class TestDatasetsLocalFilesystem(Orders):
    versions: ClassVar = {"datasets": "2.14.4", "fsspec": "2023.10.0"}
    around = ("numpy<2", "pandas<3", "pyarrow<14")
    target = Target(
        "datasets_local_filesystem",
        "fsspec.implementations.local",
        "LocalFileSystem",
        patched="LocalFileSystem.protocol",
        reach="class",
        without=("foreign",),
        advisories=("CSA-2026-0018",),
        fault='return LocalFileSystem.protocol != "file"',
    )


class TestDatasetsGlobPatterns(Orders):
    versions: ClassVar = {"datasets": "2.14.4", "fsspec": "2023.12.0"}
    around = TestDatasetsLocalFilesystem.around
    target = Target(
        "datasets_glob_patterns",
        "datasets.data_files",
        "resolve_pattern",
        patched="get_fs_token_paths",
        reach="globals",
        advisories=("CSA-2026-0019",),
        fault="""
import os
os.makedirs(os.path.join(folder, "a"), exist_ok=True)
with open(os.path.join(folder, "a", "train.csv"), "w"):
    pass
try:
    return len(module.resolve_pattern("**[-/]train[.]*", folder)) != 1
except ValueError:
    return True
""",
    )


class TestOldDatasetsNumpyObject(Orders):
    versions: ClassVar = {"datasets": "2.3.2", "numpy": "1.24.4"}
    around = ("pandas<2", "pyarrow<14", "fsspec<2023.9", "huggingface_hub<0.17")
    python = "3.10"
    target = Target(
        "datasets_numpy_object",
        "datasets.formatting.formatting",
        "NumpyArrowExtractor",
        patched="np",
        reach="globals",
        without=("foreign",),
        advisories=("CSA-2026-0022",),
        fault='return "object" not in vars(module.np)',
    )


class TestOldDatasetsNumpyObjectFeatures(Orders):
    versions = TestOldDatasetsNumpyObject.versions
    around = TestOldDatasetsNumpyObject.around
    python = TestOldDatasetsNumpyObject.python
    target = TestOldDatasetsNumpyObject.target._replace(module="datasets.features.features", name="Features")


class TestDatasetsFolderMetadata(Orders):
    versions: ClassVar = {"datasets": "3.6.0", "pandas": "3.0.0"}
    around = ("pyarrow<20",)
    target = Target(
        "datasets_folder_metadata",
        "datasets.packaged_modules.folder_based_builder.folder_based_builder",
        "FolderBasedBuilder",
        patched="pa",
        reach="globals",
        without=("foreign",),
        advisories=("CSA-2026-0024",),
        fault="""
import pandas
table = module.pa.Table.from_pandas(pandas.DataFrame({"file_name": ["x"]}))
return str(table.schema.field("file_name").type) != "string"
""",
    )


class TestOpenaiProxies(Orders):
    versions: ClassVar = {"openai": "1.55.2", "httpx": "0.28.1"}
    around = ()
    target = Target(
        "httpx_proxies",
        "openai._base_client",
        "SyncHttpxClientWrapper",
        patched="SyncHttpxClientWrapper.__init__",
        reach="class",
        advisories=("CSA-2026-0045",),
        fault="""
try:
    SyncHttpxClientWrapper(proxies=None, verify=False).close()
except TypeError:
    return True
return False
""",
    )


class TestOldOpenaiProxies(Orders):
    # These make the clients of httpx itself.
    versions: ClassVar = {"openai": "1.2.0", "httpx": "0.28.1"}
    around = ()
    target = Target(
        "httpx_proxies",
        "openai._base_client",
        "SyncAPIClient",
        patched="httpx",
        reach="globals",
        without=("foreign",),
        advisories=("CSA-2026-0045",),
        fault="""
try:
    module.httpx.Client(proxies=None, verify=False).close()
except TypeError:
    return True
return False
""",
    )


class TestAnthropicProxies(Orders):
    versions: ClassVar = {"anthropic": "0.39.0", "httpx": "0.28.1"}
    around = ()
    target = TestOpenaiProxies.target._replace(module="anthropic._base_client", advisories=("CSA-2026-0046",))


class TestLightgbmFinite(Orders):
    versions: ClassVar = {"lightgbm": "4.5.0", "scikit-learn": "1.8.0"}
    around = ()
    target = Target(
        "lightgbm_finite",
        "lightgbm.sklearn",
        "LGBMModel",
        patched="_LGBMCheckArray",
        reach="globals",
        advisories=("CSA-2026-0044",),
        fault="""
try:
    return module._LGBMCheckArray([[float("nan")]], force_all_finite=False).shape != (1, 1)
except TypeError:
    return True
""",
    )


class TestFlaskUrlQuote(Orders):
    versions: ClassVar = {"flask": "2.2.3", "werkzeug": "3.1.9"}
    around = ()
    target = Target(
        "flask_url_quote",
        "werkzeug.urls",
        "iri_to_uri",
        patched="url_quote",
        reach="globals",
        without=("foreign",),
        advisories=("CSA-2026-0048",),
        fault='return not hasattr(module, "url_quote") or module.url_quote("a b$") != "a%20b$"',
    )


class TestJinjaSoftUnicode(Orders):
    versions: ClassVar = {"jinja2": "2.11.3", "markupsafe": "3.0.4"}
    around = ()
    target = Target(
        "jinja_soft_unicode",
        "markupsafe",
        "escape",
        patched="soft_unicode",
        reach="globals",
        without=("foreign",),
        advisories=("CSA-2026-0049",),
        fault='return not hasattr(module, "soft_unicode") or module.soft_unicode(7) != "7"',
    )


class TestToolbeltAppengine(Orders):
    versions: ClassVar = {"requests-toolbelt": "0.10.1", "urllib3": "2.8.0"}
    around = ()
    target = Target(
        "toolbelt_appengine",
        "urllib3.contrib",
        "__path__",  # there is nothing else in it
        patched="appengine",
        reach="globals",
        without=("foreign",),
        advisories=("CSA-2026-0047",),
        fault='return not hasattr(getattr(module, "appengine", None), "AppEngineManager")',
    )


class TestHubCachedDownload(Orders):
    versions: ClassVar = {"diffusers": "0.24.0", "huggingface_hub": "1.4.1"}
    around = ()
    target = Target(
        "hub_cached_download",
        "huggingface_hub",
        "get_token",
        patched="cached_download",
        reach="globals",
        without=("foreign",),
        advisories=("CSA-2026-0036",),
        fault='return not hasattr(module, "cached_download")',
    )


class TestHubCacheHome(Orders):
    versions = TestHubCachedDownload.versions
    around = ()
    target = TestHubCachedDownload.target._replace(
        module="huggingface_hub.constants",
        name="HF_HOME",
        patched="hf_cache_home",
        fault='return getattr(module, "hf_cache_home", None) != HF_HOME',
    )


class TestHubHfFolder(Orders):
    versions: ClassVar = {"datasets": "2.15.0", "huggingface_hub": "2.4.0"}
    around = ("numpy<2", "pandas<3", "pyarrow<20")
    target = Target(
        "hub_hffolder",
        "huggingface_hub",
        "get_token",
        patched="HfFolder",
        reach="globals",
        without=("foreign",),
        advisories=("CSA-2026-0025",),
        fault='return not hasattr(getattr(module, "HfFolder", None), "get_token")',
    )
