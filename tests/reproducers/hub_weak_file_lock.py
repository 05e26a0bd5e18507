"""huggingface_hub takes its own lock around every download."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import tempfile

try:
    from huggingface_hub.utils import WeakFileLock
except ImportError as error:
    print("does not apply:", error)
    sys.exit(2)

try:
    with WeakFileLock(os.path.join(tempfile.mkdtemp(), "x.lock")):
        print("healthy")
except TypeError as error:
    print("BAD:", error)
    sys.exit(1 if "'mode'" in str(error) else 3)
