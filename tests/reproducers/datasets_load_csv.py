"""A CSV file is loaded with plain options and with some that the user gives."""

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

with open(os.path.join(folder, "plain.csv"), "w") as file:
    file.write("a,b\n1,x\n2,y\n")
with open(os.path.join(folder, "bare.tsv"), "w") as file:
    file.write("1\tx\n2\ty\n")
try:
    plain = datasets.load_dataset("csv", data_files=os.path.join(folder, "plain.csv"), split="train")
    bare = datasets.load_dataset(
        "csv", data_files=os.path.join(folder, "bare.tsv"), split="train", sep="\t", names=["a", "b"]
    )
except Exception as error:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    print("BAD:", error)
    sys.exit(1 if "unexpected keyword argument" in str(error) else 3)
right = [dict(row) for row in plain] == [dict(row) for row in bare] == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
print("healthy" if right else "broken: %s %s" % (plain[:], bare[:]))
sys.exit(0 if right else 3)
