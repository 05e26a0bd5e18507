"""`import wandb` with numpy installed, and a number of numpy that is made ready for a log."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os

os.environ.update(WANDB_MODE="disabled", WANDB_SILENT="true")
try:
    import numpy
    import wandb
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)
except AttributeError as error:
    print("BAD:", error)
    sys.exit(1 if "was removed in the NumPy 2.0 release" in str(error) else 3)
from wandb.util import json_friendly

value, _ = json_friendly(numpy.float32(0.5))
print("healthy" if value == 0.5 else "broken: %r" % value)
sys.exit(0 if value == 0.5 else 3)
