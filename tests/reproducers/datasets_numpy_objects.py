"""A column of strings and one of uneven lists, in numpy's format, need an array of objects."""

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
import datasets

data = datasets.Dataset.from_dict({"l": [[1, 2], [3]]}).with_format("numpy")
try:
    lists = [value.tolist() for value in data[:]["l"]]
except AttributeError as error:
    print("BAD:", str(error).splitlines()[0])
    sys.exit(1 if "'object'" in str(error) else 3)
print("healthy" if lists == [[1, 2], [3]] else "broken: %s" % lists)
sys.exit(0 if lists == [[1, 2], [3]] else 3)
