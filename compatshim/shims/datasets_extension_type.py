"""Give datasets before 2.14.7 the extension types that pyarrow 14.0.1 crippled and pyarrow 21 removed.

``Array2D`` to ``Array5D`` derive from ``pyarrow.PyExtensionType``, which keeps a pickle of the type in the data.
pyarrow 14.0.1 no longer reads such pickles (CVE-2023-47248), and pyarrow 21 has no such class, so that datasets
cannot be imported. The replacement does what datasets 2.14.7 does: ordinary extension types, registered by name,
whose parameters are kept as JSON. No pickle is read.
"""

from __future__ import annotations

import contextlib
import json

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, List, Tuple

MODULES = ("pyarrow",)
CHANGES = (
    (
        "PyExtensionType",
        "is missing (pyarrow 21), or makes types that it does not read back (14.0.1 and later)",
        "makes types that keep their parameters as JSON in the data, and are registered by their names",
    ),
)
LIMITS = (
    "Data written without the shim by these versions of datasets keep a pickle, which is not read: their columns "
    "come as nested lists. Classes that were made before the shim stay as they are: import compatshim before "
    "datasets. Taking the shim back leaves the classes made under it, and their names with pyarrow."
)


def probe(module: ModuleType) -> bool:
    """Whether the class is missing, or refuses to read what it wrote."""
    base = getattr(module, "PyExtensionType", None)
    return not hasattr(base, "__arrow_ext_serialize__") or hasattr(base, "set_auto_load")


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """A class that keeps no pickle."""
    pa: Any = module

    def refuse(*_: Any, **__: Any) -> Any:
        raise AttributeError("module 'pyarrow' has no attribute 'PyExtensionType'")

    def initialise(self: Any, storage_type: Any) -> None:
        pa.ExtensionType.__init__(self, storage_type, _name(type(self)))

    def serialise(self: Any) -> bytes:
        return json.dumps(self.__reduce__()[1]).encode()

    def deserialise(cls: Any, _: Any, serialised: bytes) -> Any:
        return cls(*json.loads(serialised))

    def register(cls: Any) -> None:
        _register(pa, cls)

    class PyExtensionType(pa.ExtensionType):  # type: ignore[misc]  # a class that is known at run time
        """An extension type whose ``__reduce__`` gives its class and parameters that JSON can hold."""

        __init__ = guard.instead(refuse, initialise)
        __arrow_ext_serialize__ = guard.instead(refuse, serialise)
        __init_subclass__: Any = classmethod(guard.instead(refuse, register))
        __arrow_ext_deserialize__: Any = classmethod(guard.instead(refuse, deserialise))

    # What was written before the shim was taken back can be read afterwards.
    for name in ("__init_subclass__", "__arrow_ext_deserialize__"):
        guard.marks(vars(PyExtensionType)[name])[0].active = True
    return [(module, "PyExtensionType", PyExtensionType)]


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__name__}"


def _register(pa: Any, kind: Any) -> None:
    """Let pyarrow make a type of this class where data name it.

    pyarrow asks the class of the instance that is registered, and there are no parameters for one of ``kind`` yet.
    """
    methods = {"__arrow_ext_serialize__": bytes, "__arrow_ext_deserialize__": kind.__arrow_ext_deserialize__}
    reader: Any = type("Reader", (pa.ExtensionType,), methods)
    with contextlib.suppress(KeyError):
        pa.unregister_extension_type(_name(kind))  # of the same class, before its module was reloaded
    pa.register_extension_type(reader(pa.null(), _name(kind)))
