"""What the finder takes of the import of a module that nobody asked about, once an advisory has matched."""

from __future__ import annotations

import json
import subprocess
from typing import NamedTuple

# What finds nothing stands in for the finders behind ours, so that only ours differs. The shortest block of imports
# is the one that nothing else disturbed.
PROGRAM = """
import importlib.util, json, statistics, sys, time
import compatshim
ours = [finder for finder in sys.meta_path if type(finder).__module__.startswith("compatshim")]
assert len(ours) == 1, ours

class Nothing:
    def find_spec(self, name, path=None, target=None): return None

def block(size=2000):
    find = importlib.util.find_spec
    start = time.process_time()
    for _ in range(size):
        find("no_such_module")
    return (time.process_time() - start) / size * 1e6

real = sys.meta_path[:]
differences, bare = [], []
for _ in range(200):
    sys.meta_path[:] = [Nothing()]
    without = block()
    sys.meta_path[:] = [*ours, Nothing()]
    bare.append(without)
    differences.append(block())
sys.meta_path[:] = real
print(json.dumps([min(differences) - min(bare), statistics.median(a - b for a, b in zip(differences, bare))]))
"""


class Cost(NamedTuple):
    """Microseconds for each import."""

    least: float
    median: float


def measure(python: str) -> Cost:
    """Where an advisory matches, so that there is a finder."""
    done = subprocess.run([python, "-c", PROGRAM], check=True, stdout=subprocess.PIPE, text=True)
    return Cost(*json.loads(done.stdout))
