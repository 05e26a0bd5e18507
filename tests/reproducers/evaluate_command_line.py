"""evaluate-cli, which makes a new metric from a template, says how it is used."""

import sys

if "--shim" in sys.argv:
    import compatshim
import io
import os
import tempfile
from contextlib import redirect_stdout

os.environ.update(HF_HOME=tempfile.mkdtemp(), HF_HUB_OFFLINE="1")
try:
    import cookiecutter
    import evaluate
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

try:
    from evaluate.commands import evaluate_cli
except ImportError as error:
    print("BAD:", error)
    sys.exit(1 if "'Repository'" in str(error) else 3)
sys.argv = ["evaluate-cli", "--help"]
told = io.StringIO()
try:
    with redirect_stdout(told):
        evaluate_cli.main()
except SystemExit:
    pass
right = "create" in told.getvalue()
print("healthy" if right else "broken: %s" % told.getvalue())
sys.exit(0 if right else 3)
