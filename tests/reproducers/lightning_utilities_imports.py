"""lightning_utilities looks at which versions are installed, as torchmetrics and lightning have it do."""

import sys

if "--shim" in sys.argv:
    import compatshim
try:
    import setuptools
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)
try:
    from lightning_utilities.core.imports import RequirementCache
except ModuleNotFoundError as error:
    if error.name != "pkg_resources":
        print("does not apply:", error)
        sys.exit(2)
    print("BAD:", error)
    sys.exit(1)
right = bool(RequirementCache("packaging>=1")) and not RequirementCache("packaging>=9999")
print("healthy" if right else "broken")
sys.exit(0 if right else 3)
