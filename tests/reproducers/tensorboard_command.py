"""The command tensorboard says which version it is."""

import sys

if "--shim" in sys.argv:
    import compatshim
import subprocess

try:
    import setuptools
    import tensorboard
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

command = [sys.executable, "-W", "ignore", "-c", "from tensorboard.main import run_main; run_main()", "--version"]
done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
if done.returncode:
    last = (done.stderr.strip().splitlines() or [""])[-1]
    print("BAD:", last)
    sys.exit(1 if "No module named 'pkg_resources'" in last else 3)
right = tensorboard.__version__ in done.stdout
print("healthy" if right else "broken: %s" % done.stdout)
sys.exit(0 if right else 3)
