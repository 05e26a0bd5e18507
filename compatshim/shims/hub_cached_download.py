"""Give huggingface_hub 0.26 and later the two names without which diffusers before 0.29 cannot be imported.

diffusers calls ``cached_download`` for one thing, a community pipeline that is kept on GitHub. huggingface_hub has
nothing that does this any more, and the function that stands in for it says so when it is called.
``hf_cache_home`` is the old name of ``HF_HOME``.
"""

from __future__ import annotations

from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, List, NoReturn, Tuple

MODULES = ("huggingface_hub", "huggingface_hub.constants")
CHANGES = (
    (
        "cached_download",
        "is missing, and diffusers before 0.29 imports it: ImportError",
        "is a function that raises RuntimeError when it is called, and says what to do",
    ),
    (
        "hf_cache_home",
        "is missing from huggingface_hub.constants, and diffusers before 0.25 imports it: ImportError",
        "is HF_HOME, which is the same directory",
    ),
)
LIMITS = (
    "Community pipelines from GitHub, which need cached_download itself. With huggingface_hub 1.0 and later, "
    "failures of the network are exceptions of httpx; diffusers catches those of requests."
)

_ADVICE = (
    "huggingface_hub 0.26 and later have no cached_download, with which diffusers before 0.29 fetches a community "
    "pipeline from GitHub: upgrade diffusers, or put the pipeline's file in a directory and name that."
)


class Directory(str):  # noqa: SLOT000  it carries a mark
    """The path of a directory."""

    __compatshim__: guard.Mark


def probe(module: ModuleType) -> bool:
    """Whether the name of this module is missing."""
    if module.__name__ == MODULES[0]:
        return not hasattr(module, "cached_download")
    return not hasattr(module, "hf_cache_home") and hasattr(module, "HF_HOME")


def replacements(module: ModuleType) -> List[Tuple[Any, str, Any]]:
    """The name that was there."""
    if module.__name__ != MODULES[0]:
        directory = Directory(module.HF_HOME)
        directory.__compatshim__ = guard.Mark()
        return [(module, "hf_cache_home", directory)]

    def cached_download(*_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        raise RuntimeError(_ADVICE)

    cached_download.__compatshim__ = guard.Mark()  # type: ignore[attr-defined]  # functions take any
    return [(module, "cached_download", cached_download)]
