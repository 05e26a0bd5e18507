"""Options in the plainest words, read without :mod:`argparse`: to load it takes longer than to match the versions.

A command adds its options to :class:`Words` as it does to a parser. What is not plain (an abbreviation,
``--option=value``, a word that is no option, ``--help``, anything wrong) is left to argparse, which knows what to
do and what to say.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Dict, Optional, Sequence

_ALONE = ("store_true", "store_const")
_PLAIN = ("store", "append", *_ALONE)
"""What may be done with an option; the first two take the word behind it."""


class Words:
    """Options by their words, with what each is when it is not given."""

    def __init__(self, values: Dict[str, Any]) -> None:
        self._values = values
        self._options: Dict[str, Dict[str, Any]] = {}

    def add_argument(self, *words: str, **about: Any) -> None:
        """An option, described as for :meth:`argparse.ArgumentParser.add_argument`, or a list of other words."""
        if about.get("nargs") == "*":  # of which there are none where all is plain
            self._values[words[0]] = []
            return
        action = about.get("action", "store")
        name = about.get("dest") or next(word for word in words if word.startswith("--"))[2:].replace("-", "_")
        self._values.setdefault(name, about.get("default", False if action == "store_true" else None))
        if action in _PLAIN and not {"type", "nargs"} & about.keys():
            self._options.update({word: {"const": True, **about, "name": name, "action": action} for word in words})

    def add_mutually_exclusive_group(self) -> Words:
        """Options of which one at most may be given; the words of none are plain."""
        return Words(self._values)

    def read(self, given: Sequence[str]) -> Optional[Any]:
        """The values, as argparse would give them; None where it has to be asked."""
        found = dict(self._values)
        rest = iter(given)
        for word in rest:
            option = self._options.get(word)
            if option is None:
                return None
            name = option["name"]
            if option["action"] in _ALONE:
                found[name] = option["const"]
                continue
            value = next(rest, "-")
            if value.startswith("-") or value not in option.get("choices", (value,)):
                return None
            found[name] = [*found[name], value] if option["action"] == "append" else value
        return SimpleNamespace(**found)
