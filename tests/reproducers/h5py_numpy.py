"""An array is written into an HDF5 file and read from it."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import tempfile

try:
    import numpy
    import h5py
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)
except (ValueError, ImportError, AttributeError) as error:
    print("BAD:", error)
    sys.exit(1 if "numpy" in str(error) else 3)
path = os.path.join(tempfile.mkdtemp(), "x.h5")
with h5py.File(path, "w") as file:
    file["a"] = numpy.arange(3)
with h5py.File(path, "r") as file:
    values = file["a"][:].tolist()
print("healthy" if values == [0, 1, 2] else "broken: %s" % values)
sys.exit(0 if values == [0, 1, 2] else 3)
