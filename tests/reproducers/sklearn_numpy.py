"""A measure of scikit-learn is computed with the installed numpy."""

import sys

if "--shim" in sys.argv:
    import compatshim
try:
    import numpy
    from sklearn.metrics import accuracy_score
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)
except (ValueError, ImportError, AttributeError) as error:
    print("BAD:", error)
    sys.exit(1 if "numpy" in str(error) else 3)

score = float(accuracy_score([1, 0, 1, 1], [1, 1, 1, 1]))
print("healthy" if score == 0.75 else "broken: %s" % score)
sys.exit(0 if score == 0.75 else 3)
