"""Which of the files below a folder git ignores."""

from __future__ import annotations

import os
from typing import List, Mapping, NamedTuple, Sequence, Set, Tuple

from compatshim import git


class Ignored(NamedTuple):
    """What git ignores, as far as it could be asked."""

    paths: Set[str]
    trouble: Tuple[str, ...]
    """Where it gave no answer, and why: there nothing counts as ignored."""


def ignored(works: Mapping[str, Sequence[str]]) -> Ignored:
    """Which paths git ignores, of those of several work trees: the folder that each was found in, outer ones first.

    Where work trees lie within each other, the folder of the inner one is among the paths of the outer one. What is
    in a folder that was ignored when somebody came to look at it is not ignored for that.
    """
    found: Set[str] = set()
    trouble: List[str] = []
    for folder, paths in works.items():
        if folder in found:
            found.update(paths)
            continue
        try:
            found |= _ignored(folder, paths)
        except git.GitError as error:
            trouble.append(f"{folder}: what git ignores was looked at, too: {error}")
    return Ignored(found, tuple(trouble))


def _ignored(folder: str, paths: Sequence[str]) -> Set[str]:
    by_name = {_relative(folder, path): path for path in paths}
    # With the index, git would go through all of it for every path.
    # The dot in front keeps names that begin with a colon from having a meaning.
    given = b"".join(b"./" + name + b"\0" for name in (b".", *by_name))
    said = git.ask(folder, "check-ignore", "--no-index", "-z", "--stdin", given=given, fine=(0, 1))
    matched = {name[2:] for name in said.split(b"\0")}
    if b"." in matched:  # the user named it all the same
        return set()
    matched &= by_name.keys()
    if matched:  # what is tracked is not ignored, and no folder is with something tracked in it
        for tracked in git.ask(folder, "ls-files", "-z").split(b"\0"):
            matched -= {tracked, os.path.dirname(tracked)}
    return {by_name[name] for name in matched}


def _relative(folder: str, path: str) -> bytes:
    """The path of what is below a folder as git has it."""
    return os.fsencode(path[len(folder) :].replace(os.sep, "/").lstrip("/"))
