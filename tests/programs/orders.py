"""Do what programs do around one shim in every order, and compare each state with what should hold.

    orders.py TARGET DEPTH

TARGET is a JSON object (see tests/orders.py). The orders form a tree, and so do the processes: every step is taken
in a process forked for it from the one that took the steps before. A target module is therefore really executed
for the first time wherever an order says so, while what it needs of other projects was imported once, before.
Prints one JSON line for each order: the actions, and what was wrong after the last of them.
"""

import builtins
import functools
import gc
import importlib
import inspect
import json
import os
import sys
import tempfile

TARGET = json.loads(sys.argv[1])
DEPTH = int(sys.argv[2])
NAME, MODULE = TARGET["name"], TARGET["module"]
FOLDER = tempfile.mkdtemp()
BODY = "\n".join("    " + line for line in TARGET["fault"].splitlines())
exec("def fault(%s, module, folder):\n%s" % (NAME, BODY))
OURS = None  # the directory of compatshim, once it is imported


class State:
    """What should hold, by the actions alone."""

    armed = loaded = mended = False
    bound = None  # whether what `from target import name` gave is mended
    stale = False  # whether the module was executed again since then

    def mend(self, mended):
        self.mended = mended
        if self.bound is not None and TARGET["reach"] != "value" and not self.stale:
            self.bound = mended

    def compatshim(self):
        self.armed = True
        if self.loaded:
            self.mend(True)

    again = compatshim

    def target(self):
        if not self.loaded:
            self.loaded = True
            self.mend(self.armed)

    def name(self):
        self.target()
        self.bound, self.stale = self.mended, False

    def reload(self):
        # A class is made anew, and who holds the old one holds it as it was; a function looks at the new globals.
        self.stale = TARGET["reach"] != "globals"
        self.mend(self.armed)

    def revert(self):
        self.armed = self.mended = False
        if self.bound is not None:
            self.bound = False

    revert_again = revert

    def foreign(self):
        pass


class World:
    """What is done, and what somebody else's patch and a look before ours remember."""

    value = None
    theirs = None
    untouched = None

    def compatshim(self):
        global OURS
        OURS = os.path.dirname(importlib.import_module("compatshim").__file__)

    def again(self):
        importlib.reload(sys.modules["compatshim"])

    def target(self):
        first = MODULE not in sys.modules
        importlib.import_module(MODULE)
        if first and not state.armed:
            self.untouched = contents()

    def name(self):
        self.target()
        space = {}
        exec("from %s import %s" % (MODULE, NAME), space)
        self.value = space[NAME]

    def reload(self):
        importlib.reload(sys.modules[MODULE])
        self.untouched = None if state.armed else contents()
        if self.theirs and self.theirs[0] is sys.modules[MODULE] and raw(*self.theirs[:2]) is not self.theirs[2]:
            self.theirs = None  # the module's own statements have overwritten it

    def revert(self):
        sys.modules["compatshim"].revert()

    revert_again = revert

    def foreign(self):
        owner = sys.modules[MODULE]
        *path, attribute = TARGET["patched"].split(".")
        for part in path:
            owner = getattr(owner, part)
        found = inspect.getattr_static(owner, attribute, getattr(builtins, attribute, None))
        if isinstance(found, property):
            new = property(wrapped(found.fget))
        elif isinstance(found, type):
            new = type(found.__name__, (found,), {})
        else:
            new = wrapped(found)
        setattr(owner, attribute, new)
        self.theirs = owner, attribute, new


def wrapped(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs)

    return call


def raw(owner, attribute):
    return vars(owner).get(attribute)


def contents():
    """The module's own objects, and those of its classes."""
    module = sys.modules[MODULE]
    classes = [v for v in vars(module).values() if isinstance(v, type) and v.__module__ == MODULE]
    skipped = ("__spec__", "__cached__", "__loader__", "__builtins__", "__warningregistry__")
    found = {(None, key): value for key, value in vars(module).items() if key not in skipped}
    # What is imported below a package becomes an attribute of it, whoever imports it.
    found = {key: value for key, value in found.items() if value is not sys.modules.get(MODULE + "." + key[1])}
    for one in classes:
        found.update(((one, key), value) for key, value in vars(one).items())
    return found


# Lists: a class may gain an attribute of its own by being looked at.
def functions(value):
    if isinstance(value, type):
        return [own for base in value.__mro__ for own in list(vars(base).values()) if hasattr(own, "__code__")]
    return [one for one in (value, getattr(value, "fget", None), getattr(value, "__func__", None)) if one]


def ours(value):
    """Whether this very object is made by compatshim."""
    if isinstance(value, type):
        return any(ours(one) for one in list(vars(value).values()) if hasattr(one, "__code__"))
    codes = [getattr(one, "__code__", None) for one in functions(value)]
    return any(code is not None and code.co_filename.startswith(OURS) for code in codes)


def layers(value):
    """How many replacements of ours are active, one below the other; one class may replace several functions."""
    classes = value.__mro__ if isinstance(value, type) else ()
    together = [[own for own in list(vars(one).values()) if hasattr(own, "__code__")] for one in classes]
    return sum(max(map(depth, some), default=0) for some in together or [functions(value)])


def depth(function):
    found = set()
    while function is not None:
        mark = getattr(function, "__dict__", {}).get("__compatshim__")
        if getattr(mark, "active", False):
            found.add(id(mark))
        function = getattr(function, "__wrapped__", None)
    return len(found)


def chain(value):
    seen = []
    for one in functions(value) + [value]:
        while one is not None:
            seen.append(one)
            one = getattr(one, "__wrapped__", None)
    return seen + list(getattr(value, "__mro__", ()))


def wrong():
    """What is not as it should be."""
    module = sys.modules.get(MODULE)
    if module is None:
        return
    if fault(getattr(module, NAME), module, FOLDER) == state.mended:
        yield "fault there" if state.mended else "fault not there"
    if state.bound is not None and fault(world.value, module, FOLDER) == state.bound:
        yield "bound: fault there" if state.bound else "bound: fault not there"
    if OURS is None:
        return
    owner = module
    *path, attribute = TARGET["patched"].split(".")
    for part in path:
        owner = getattr(owner, part)
    found = inspect.getattr_static(owner, attribute, None)
    if layers(found) != state.mended:
        yield "%d layers of ours" % layers(found)
    claimed = set(TARGET["advisories"]) & set(sys.modules["compatshim"].status().applied)
    if bool(claimed) != state.mended:
        yield "the ledger says %s" % sys.modules["compatshim"].status()
    if not state.armed:
        now = contents()
        left = [key for key, value in now.items() if ours(value)]
        if left:
            yield "left behind: %s" % left
        if any(type(one).__module__.startswith("compatshim") for one in sys.meta_path):
            yield "the finder is still there"
        if world.untouched is not None:
            there = world.theirs[1] if world.theirs else None
            keys = [key for key in set(now) | set(world.untouched) if key[1] != there]
            other = [key for key in keys if now.get(key) is not world.untouched.get(key)]
            if other:
                yield "not the original: %s" % other
    if world.theirs is not None:
        holder, attribute, new = world.theirs
        held = raw(holder, attribute)
        inner = getattr(new, "fget", None) or new
        if held is not new and not (state.armed and inner in chain(held)):
            yield "the foreign patch is gone"


def allowed(action, done):
    if action in ("again", "revert"):
        return "compatshim" in done
    if action == "revert_again":
        return "revert" in done
    if action in ("reload", "foreign"):
        return "target" in done or "name" in done
    return True


def walk(done):
    running = []
    for action in TARGET["actions"]:
        if action in done or not allowed(action, done):
            continue
        order = done + [action]
        process = os.fork()
        if process == 0:
            status = 1
            try:
                try:
                    getattr(world, action)()
                    getattr(state, action)()
                    said = list(wrong())
                except BaseException as error:
                    said = ["%s: %s" % (type(error).__name__, error)]
                os.write(1, (json.dumps([order, said]) + "\n").encode())
                if len(order) < DEPTH:
                    walk(order)
                status = 0
            finally:
                os._exit(status)
        running.append((process, order))
        # Most of the time is spent waiting for locks: the first branches grow side by side.
        if done:
            wait(running)
    wait(running)


def wait(running):
    while running:
        process, order = running.pop()
        if os.waitpid(process, 0)[1] != 0:
            os.write(1, (json.dumps([order, ["died"]]) + "\n").encode())


def preload():
    """Import whatever the target imports, but for the project that it belongs to."""
    read, write = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            before = set(sys.modules)
            importlib.import_module(MODULE)
            top = MODULE.partition(".")[0]
            names = [name for name in sys.modules if name not in before and name.partition(".")[0] != top]
            os.write(write, "\n".join(names).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, encoding="utf-8") as pipe:
        names = pipe.read().split()
    os.waitpid(process, 0)
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:
            pass
    if MODULE in sys.modules or "compatshim" in sys.modules:
        sys.exit("imported too early")


if __name__ == "__main__":
    preload()
    gc.disable()
    gc.freeze()  # or else every process copies every page
    state, world = State(), World()
    walk([])
