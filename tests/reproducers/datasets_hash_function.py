"""A function is hashed, so that Dataset.map finds what it made before."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import tempfile

os.environ.update(HF_HOME=tempfile.mkdtemp(), HF_UPDATE_DOWNLOAD_COUNTS="0", HF_HUB_OFFLINE="1")
try:
    import datasets
    from datasets.fingerprint import Hasher
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

OFFSET = 3


def shifted(row):
    return {"b": row["a"] + OFFSET}


try:
    hashes = {Hasher.hash(shifted), Hasher.hash(shifted)}
    same = list(datasets.Dataset.from_dict({"a": [1, 2]}).map(shifted)["b"]) == [4, 5]
except (AttributeError, NameError, TypeError) as error:
    print("BAD: %s: %s" % (type(error).__name__, error))
    told = ("module 'dill._dill' has no attribute", "name 'log' is not defined", "name 'create_", "save_")
    sys.exit(1 if any(text in str(error) for text in told) else 3)
print("healthy" if same and len(hashes) == 1 else "broken: %s" % hashes)
sys.exit(0 if same and len(hashes) == 1 else 3)
