"""Import a module whose source is changed on the way, as if its project had changed it.

    upstream.py MODULE CHANGES

CHANGES is a JSON list of [old, new] texts that must be there, or null: the module is gone. Prints what a user sees
of the module, and, last, what compatshim says of it.
"""

import importlib
import importlib.abc
import importlib.machinery
import json
import sys

MODULE, CHANGES = sys.argv[1], json.loads(sys.argv[2])


class Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname):
        text = self.get_source(fullname)
        for old, new in CHANGES:
            if old not in text:
                sys.exit("%r is not in %s" % (old, self.path))
            text = text.replace(old, new)
        return compile(text, self.path, "exec")


class Upstream(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):
        if fullname != MODULE:
            return None
        if CHANGES is None:
            raise ModuleNotFoundError("No module named %r" % fullname, name=fullname)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        spec.loader = Loader(fullname, spec.origin)
        return spec


sys.meta_path.insert(0, Upstream())
if "--shim" in sys.argv:
    import compatshim

try:
    module = importlib.import_module(MODULE)
    seen = sorted((name, type(value).__name__) for name, value in vars(module).items())
except Exception as error:
    seen = [type(error).__name__, str(error)]
print(json.dumps(seen))
if "--shim" in sys.argv:
    entries = [one for one in compatshim.status().entries if one.module == MODULE]
    print(json.dumps([[one.shim, one.action, one.reason] for one in entries]))
