"""A folder of data files is loaded, split by the names of the files."""

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


folder = tempfile.mkdtemp()
os.environ.update(HF_HOME=folder, HF_UPDATE_DOWNLOAD_COUNTS="0", HF_HUB_OFFLINE="1")
import datasets

data = os.path.join(folder, "corpus", "data")
os.makedirs(data)
for split, rows in (("train", 2), ("test", 1)):
    with open(os.path.join(data, split + ".jsonl"), "w") as file:
        file.write('{"a": 1}\n' * rows)
try:
    # The files are found, and none is read: what comes after fails with fsspec 2023.10 for another reason.
    builder = datasets.load_dataset_builder(os.path.dirname(data))
except ValueError as error:
    print("BAD:", error)
    sys.exit(1 if "entire path component" in str(error) else 3)
counts = {str(split): len(files) for split, files in builder.config.data_files.items()}
print("healthy" if counts == {"train": 1, "test": 1} else "broken: %s" % counts)
sys.exit(0 if counts == {"train": 1, "test": 1} else 3)
