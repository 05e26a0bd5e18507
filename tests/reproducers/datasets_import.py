"""Dataset with plain columns: the least that `import datasets` must be good for."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import tempfile
from importlib.metadata import PackageNotFoundError, version

try:
    release = [int(number) for number in version("datasets").split(".")[:2]]
    if release < [2, 0] or (release < [2, 6] and sys.version_info >= (3, 11)):
        print("does not apply: this datasets fails here in other ways as well")
        sys.exit(2)
except PackageNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)


os.environ.update(HF_HOME=tempfile.mkdtemp(), HF_UPDATE_DOWNLOAD_COUNTS="0", HF_HUB_OFFLINE="1")
try:
    import datasets
except AttributeError as error:
    print("BAD:", error)
    sys.exit(1 if "PyExtensionType" in str(error) else 3)

data = datasets.Dataset.from_dict({"a": [1, 2], "s": ["x", "y"]})
print("healthy" if data[1] == {"a": 2, "s": "y"} else "broken: %s" % data[1])
sys.exit(0 if data[1] == {"a": 2, "s": "y"} else 3)
