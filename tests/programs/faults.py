"""Run a program many times, each time with one statement of compatshim raising, each time in a process of its own.

    faults.py < RUNS

Each line is a JSON object: `path` (put in front of sys.path), `env`, `program`, `raise` (one or two numbers of
statements, or none), `kind` of exception. Prints one JSON line for each: what the program's steps gave, what ended
it, what was written to standard error, and which statements were reached. compatshim on the path is instrumented:
it calls `__compatshim_at__(number)` before each statement.
"""

import builtins
import functools
import importlib
import inspect
import json
import logging
import os
import sys
import tempfile
import traceback
import warnings
import zipimport

# What compatshim.gather needs, which is not what is tested: imported once here, and not in each process.
for name in ("getpass", "hashlib", "hmac", "secrets", "selectors", "socket", "struct"):
    importlib.import_module(name)


class Fault(Exception):
    pass


class Unspeakable(Exception):
    def __str__(self):
        raise ValueError("no text")


KINDS = {
    one.__name__: one
    for one in (Fault, Unspeakable, RecursionError, MemoryError, ImportError, KeyboardInterrupt, SystemExit)
}


def child(run, out):
    reached, seen = {}, []
    chosen = {number: KINDS[kind] for number, kind in run["raise"]}

    def at(number):
        reached[number] = reached.get(number, 0) + 1
        if number in chosen:
            raise chosen[number]("injected")

    def step(function):
        try:
            value = function()
            seen.append(json.loads(json.dumps(value)))
        except Exception as error:
            text = "" if isinstance(error, Unspeakable) else error
            seen.append("%s: %s" % (type(error).__name__, text))

    builtins.__compatshim_at__ = at
    os.environ.update(run["env"])
    for name in set(run["env"]):
        if run["env"][name] == "":
            del os.environ[name]
    sys.path[:0] = [entry if entry != "bytes" else b"bytes" for entry in run["path"]]
    os.chdir(run["cwd"])
    err = tempfile.TemporaryFile()
    os.dup2(err.fileno(), 2)
    ended = ""
    try:
        exec(compile(run["program"], "program", "exec"), {"step": step, "__name__": "__main__"})
    except BaseException as error:
        ended = type(error).__name__
        traceback.print_exc() if ended not in ("KeyboardInterrupt", "SystemExit") else None
    if sys.stderr is not None and not sys.stderr.closed:
        sys.stderr.flush()
    err.seek(0)
    text = err.read().decode("utf-8", "replace")
    os.write(out, json.dumps({"seen": seen, "ended": ended, "err": text, "reached": sorted(reached)}).encode())


def main():
    for line in sys.stdin:
        run = json.loads(line)
        read, write = os.pipe()
        process = os.fork()
        if process == 0:
            try:
                child(run, write)
            finally:
                os._exit(0)
        os.close(write)
        with open(read, "rb") as pipe:
            answer = pipe.read()
        os.waitpid(process, 0)
        print(answer.decode() or "null", flush=True)


if __name__ == "__main__":
    main()
