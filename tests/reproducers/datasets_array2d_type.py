"""Columns of type Array2D keep their type when they are written, read, joined and sent to another process."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import pickle
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


folder = tempfile.mkdtemp()
os.environ.update(HF_HOME=folder, HF_UPDATE_DOWNLOAD_COUNTS="0", HF_HUB_OFFLINE="1")
import datasets

ROWS = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
features = datasets.Features({"x": datasets.Array2D((2, 2), "int32")})
try:
    data = datasets.Dataset.from_dict({"x": ROWS}, features=features)
    data.save_to_disk(os.path.join(folder, "saved"))
    seen = [
        data,
        datasets.load_from_disk(os.path.join(folder, "saved")),
        datasets.concatenate_datasets([data, data]).select([0, 1]),
        pickle.loads(pickle.dumps(data)),
    ]
except ValueError as error:
    print("BAD:", error)
    sys.exit(1 if "UnknownExtensionType" in str(error) else 3)
types = [one.features["x"] for one in seen]
columns = [one.with_format("arrow")[:].column("x") for one in seen]
values = [[value for chunk in column.chunks for value in chunk.storage.to_pylist()] for column in columns]
if "--shim" in sys.argv:  # pyarrow 20 and later read rows in a way that datasets before 3.5.1 does not support
    values += [[row["x"] for row in one] for one in seen]
right = all(kind == features["x"] for kind in types) and all(value == ROWS for value in values)
print("healthy" if right else "broken: %s %s" % (types, values))
sys.exit(0 if right else 3)
