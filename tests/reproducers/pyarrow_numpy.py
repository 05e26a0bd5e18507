"""pyarrow gives its data to numpy."""

import sys

if "--shim" in sys.argv:
    import compatshim
try:
    import numpy
    import pyarrow
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)
except ImportError as error:
    print("BAD:", error)
    sys.exit(1 if "numpy" in str(error).lower() else 3)

try:
    array = pyarrow.array([1, 2]).to_numpy()
except ImportError as error:
    print("BAD:", error)
    sys.exit(1 if "numpy" in str(error).lower() else 3)
print("healthy" if (array == numpy.array([1, 2])).all() else "broken: %r" % array)
sys.exit(0 if (array == numpy.array([1, 2])).all() else 3)
