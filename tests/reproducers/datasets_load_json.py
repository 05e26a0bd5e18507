"""A JSON file is loaded, and again from the cache; a dictionary of datasets is saved and loaded."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import tempfile

folder = tempfile.mkdtemp()
os.environ.update(HF_HOME=folder, HF_UPDATE_DOWNLOAD_COUNTS="0", HF_HUB_OFFLINE="1")
try:
    import datasets
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

path = os.path.join(folder, "x.jsonl")
with open(path, "w") as file:
    file.write('{"a": 1}\n{"a": 2}\n')
try:
    loaded = [datasets.load_dataset("json", data_files=path, split="train") for _ in range(2)]
    streamed = [row["a"] for row in datasets.load_dataset("json", data_files=path, split="train", streaming=True)]
    datasets.DatasetDict({"train": loaded[0]}).save_to_disk(os.path.join(folder, "saved"))
    loaded.append(datasets.load_from_disk(os.path.join(folder, "saved"))["train"])
except NotImplementedError as error:
    print("BAD:", error)
    sys.exit(1 if "LocalFileSystem" in str(error) else 3)
right = [list(one["a"]) for one in loaded] == [[1, 2]] * 3 and streamed == [1, 2]
print("healthy" if right else "broken: %s %s" % (loaded, streamed))
sys.exit(0 if right else 3)
