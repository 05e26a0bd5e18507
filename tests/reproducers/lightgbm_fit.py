"""A classifier of lightgbm is fitted as one of scikit-learn."""

import sys

if "--shim" in sys.argv:
    import compatshim
try:
    import numpy
    import sklearn
    from lightgbm import LGBMClassifier
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

x = numpy.arange(200.0).reshape(100, 2)
y = (numpy.arange(100) >= 50).astype(int)
try:
    model = LGBMClassifier(n_estimators=2, n_jobs=1).fit(x, y)
except TypeError as error:
    print("BAD:", error)
    sys.exit(1 if "'force_all_finite'" in str(error) else 3)
right = (model.predict(x) == y).mean() > 0.9
print("healthy" if right else "broken")
sys.exit(0 if right else 3)
