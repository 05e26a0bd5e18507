"""pandas can be imported with the installed numpy."""

import sys

if "--shim" in sys.argv:
    import compatshim
try:
    import pandas
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)
except (ValueError, ImportError, AttributeError) as error:
    print("BAD:", error)
    sys.exit(1 if "numpy" in str(error) else 3)

total = int(pandas.DataFrame({"a": [1, 2]})["a"].sum())
print("healthy" if total == 3 else "broken: %s" % total)
sys.exit(0 if total == 3 else 3)
