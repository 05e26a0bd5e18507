"""Two independent processes must lock the same file when they ask for the same long name."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import subprocess
import tempfile

PROGRAM = """
import sys
if "--shim" in sys.argv:
    import compatshim
import datasets
try:
    from datasets.utils._filelock import FileLock
except ImportError:
    from datasets.utils.filelock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire(timeout=5)
print("held", flush=True)
if "hold" in sys.argv:
    sys.stdin.readline()
"""

try:
    import datasets
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

path = os.path.join(tempfile.mkdtemp(), "x" * 300 + ".lock")
shim = [word for word in sys.argv if word == "--shim"]


def start(seed, *words):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, path, *words, *shim],
        env=dict(os.environ, PYTHONHASHSEED=seed),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )


holder = start("1", "hold")
if holder.stdout.readline() != "held\n":
    errors = holder.communicate()[1]
    # Before 1.9 datasets does not shorten the name: an error, but nobody believes to hold the lock.
    refused = "File name too long" in errors
    print("healthy: the name is refused" if refused else "broken: " + errors[-400:])
    sys.exit(0 if refused else 3)
second = start("2")
output, errors = second.communicate()
holder.communicate("\n")
if "held" in output:
    print("BAD: two processes hold the same lock at once")
    sys.exit(1)
print("healthy: the second process was kept out" if "Timeout" in errors else "broken: " + errors[-400:])
sys.exit(0 if "Timeout" in errors else 3)
