"""A dataset in numpy's format, with numbers, strings and lists."""

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

data = datasets.Dataset.from_dict({"a": [1, 2, None], "s": ["x", "y", "z"], "l": [[1, 2], [3], []]})
data = data.with_format("numpy")
try:
    rows = [data[number] for number in range(3)]
    columns = data[:]
except ValueError as error:
    print("BAD:", str(error).splitlines()[0])
    sys.exit(1 if "copy" in str(error) else 3)
right = (
    [str(row["s"]) for row in rows] == ["x", "y", "z"]
    and [row["l"].tolist() for row in rows] == [[1, 2], [3], []]
    and columns["a"][:2].tolist() == [1, 2]
    and [value.tolist() for value in columns["l"]] == [[1, 2], [3], []]
)
print("healthy" if right else "broken: %s %s" % (rows, columns))
sys.exit(0 if right else 3)
