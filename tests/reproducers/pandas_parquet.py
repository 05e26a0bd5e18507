"""pandas writes and reads a Parquet file."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import tempfile

try:
    import pandas
    import pyarrow
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

path = os.path.join(tempfile.mkdtemp(), "x.parquet")
try:
    pandas.DataFrame({"a": [1, 2]}).to_parquet(path, engine="pyarrow")
    values = pandas.read_parquet(path, engine="pyarrow")["a"].tolist()
except ImportError as error:
    print("BAD:", error)
    sys.exit(1 if "or newer of 'pyarrow'" in str(error) else 3)
print("healthy" if values == [1, 2] else "broken: %s" % values, flush=True)
os._exit(0 if values == [1, 2] else 3)  # at an orderly end pyarrow 15 aborts now and then: its threads are not joined
