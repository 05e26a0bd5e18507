"""What ``python -m compatshim run`` puts in front of every Python that a program starts.

Each of them imports ``sitecustomize`` when it starts, and finds this one: it arms compatshim, then gives way to the
``sitecustomize`` that would have been imported without it. Pythons of any age get here, so nothing newer is used.
"""

import os
import sys


def _arm(package):
    # By its place, which must not get on to the path: it holds the other packages of somebody else's environment.
    finder = next(one for one in sys.meta_path if getattr(one, "__name__", "") == "PathFinder")

    class Here(object):
        @staticmethod
        def find_spec(name, path=None, target=None):
            return finder.find_spec(name, [os.path.dirname(package)]) if name == "compatshim" else None

    sys.meta_path.insert(0, Here)
    try:
        import compatshim  # noqa: F401
    finally:
        sys.meta_path.remove(Here)


def _is_here(entry):
    try:
        return os.path.normcase(os.path.abspath(entry)) == os.path.normcase(_folder)
    except Exception:  # entries need not be text
        return False


_folder = os.path.dirname(os.path.abspath(__file__))
_self = sys.modules.pop(__name__, None)  # Python 2 clears a module that nobody holds
# PYTHONPATH stays as it is, for the processes that this one starts.
sys.path[:] = [_entry for _entry in sys.path if not _is_here(_entry)]
sys.path_importer_cache.pop(_folder, None)

if "compatshim" not in sys.modules and sys.version_info >= (3, 8):
    try:
        _arm(os.path.dirname(_folder))
    except Exception:
        pass  # the program starts as if compatshim were absent

# The user's own, or the ImportError that Python passes over; another error is told as it would have been.
import sitecustomize  # noqa: E402, F401
