"""A lock file of datasets must have the mode that the umask asks for, so that a group can share a cache."""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import tempfile

try:
    import datasets
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

try:
    from datasets.utils._filelock import FileLock
except ImportError:  # up to datasets 2.15
    from datasets.utils.filelock import FileLock

folder = tempfile.mkdtemp()
wrong = []
for umask in (0o000, 0o002, 0o022):
    os.umask(umask)
    path = os.path.join(folder, "%03o.lock" % umask)
    lock = FileLock(path)
    lock.acquire()
    # The executable bits are filelock's business (3.9 and earlier create 0777 & ~umask).
    mode = os.stat(path).st_mode & 0o666
    lock.release()
    if mode != 0o666 & ~umask:
        wrong.append("umask %03o gives %04o" % (umask, mode))
print("BAD:" if wrong else "healthy", ", ".join(wrong))
sys.exit(1 if wrong else 0)
