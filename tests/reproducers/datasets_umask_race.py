"""Making a lock must not disturb the files that other threads create.

The race is a matter of microseconds; to meet it every time, os.umask is slowed down and the other thread creates
its file whenever the umask has just been changed.
"""

import sys

if "--shim" in sys.argv:
    import compatshim
import os
import tempfile
import threading

try:
    import datasets
    from datasets.utils._filelock import FileLock
except ModuleNotFoundError as error:
    print("does not apply:", error)
    sys.exit(2)

folder = tempfile.mkdtemp()
real = os.umask
changed, created = threading.Event(), threading.Event()


def slow(mask):
    old = real(mask)
    changed.set()
    created.wait(5)
    return old


def bystander():
    changed.wait(2)
    with open(os.path.join(folder, "bystander"), "w"):
        pass
    created.set()


real(0o022)
thread = threading.Thread(target=bystander)
thread.start()
os.umask = slow
FileLock(os.path.join(folder, "x.lock"))
os.umask = real
thread.join()
mode = os.stat(os.path.join(folder, "bystander")).st_mode & 0o777
print("healthy" if mode == 0o644 else "BAD: another thread's file has mode %04o" % mode)
sys.exit(0 if mode == 0o644 else 1)
