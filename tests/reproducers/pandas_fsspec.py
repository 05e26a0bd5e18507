"""pandas reads a file by an address that fsspec knows, as pandas.read_csv("hf://…") does."""

import sys

if "--shim" in sys.argv:
    import compatshim
try:
    import fsspec
    import pandas
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

with fsspec.open("memory://folder/x.csv", "w") as file:
    file.write("a,b\n1,x\n2,y\n")
try:
    values = pandas.read_csv("memory://folder/x.csv")["a"].tolist()
except ImportError as error:
    print("BAD:", error)
    sys.exit(1 if "or newer of 'fsspec'" in str(error) else 3)
print("healthy" if values == [1, 2] else "broken: %s" % values)
sys.exit(0 if values == [1, 2] else 3)
