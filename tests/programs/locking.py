"""What a program does with lock files, through whatever filelock is installed.

    locking.py hold PATH KIND            take a lock (FileLock or SoftFileLock), say so, keep it until the input ends
    locking.py contend FOLDER SECONDS    take and release one lock, again and again; say how often, and how often
                                         another one was inside at the same time
"""

import os
import sys
import time

import filelock


def hold(path, kind):
    lock = getattr(filelock, kind)(path)
    lock.acquire(timeout=5)
    print("held", flush=True)
    sys.stdin.read()


def contend(folder, seconds):
    path, inside = os.path.join(folder, "e-1-0.arrow.lock"), os.path.join(folder, "inside")
    end = time.time() + float(seconds)
    times = both = 0
    while time.time() < end:
        lock = filelock.FileLock(path)
        lock.acquire(timeout=60, poll_interval=0.0005)
        try:
            file = os.open(inside, os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            both += 1
        else:
            os.close(file)
            if times % 3 == 0:
                time.sleep(0.0003)
            os.unlink(inside)
        lock.release()
        times += 1
        if times % 4 == 0:
            time.sleep(0.001)
    print(times, both)


if __name__ == "__main__":
    {"hold": hold, "contend": contend}[sys.argv[1]](*sys.argv[2:])
