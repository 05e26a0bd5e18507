"""A symbolic link at the lock's path must not make filelock empty the file behind it."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import tempfile

try:
    import filelock
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

folder = tempfile.mkdtemp()
victim = os.path.join(folder, "victim")
with open(victim, "w") as file:
    file.write("precious")
link = os.path.join(folder, "x.lock")
os.symlink(victim, link)
try:
    filelock.FileLock(link).acquire(timeout=0.1)
except (OSError, filelock.Timeout) as error:
    print("refused:", type(error).__name__)
size = os.stat(victim).st_size
print("healthy" if size else "BAD: the file behind the link is empty now")
sys.exit(0 if size else 1)
