"""Files instead of an installed environment: what the paths on the command line come to."""

from __future__ import annotations

import argparse
from functools import cached_property
from typing import TYPE_CHECKING, Callable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, TypeVar

from compatshim.analysis import Analysis, analyse
from compatshim.cli import UsageError, options
from compatshim.errors import CompatshimError
from compatshim.inventory import detect, files, targets
from compatshim.inventory.files import Manifest
from compatshim.inventory.manifest import Contents
from compatshim.inventory.targets import Target
from compatshim.metadata.interface import release
from compatshim.model import Inventory

if TYPE_CHECKING:  # most locks need none
    from compatshim.metadata.snapshot import Snapshot
    from compatshim.ranges import Asked


class Read(NamedTuple):
    """What all paths come to."""

    analyses: Tuple[Analysis, ...]
    broken: bool
    """Whether some file could not be read at all, of which the user was told."""


def read(args: argparse.Namespace) -> Read:
    """Read and match everything that the paths name, whatever becomes of one of them."""
    no_environment(args)
    reading = Reading(args)
    expanded = [tried(path, lambda path: files.expand(path, args.kind)) for path in args.paths]
    paths = list(dict.fromkeys(path for several in expanded for path in several or ()))
    paths = paths if args.kind else detect.standing(paths)
    found = [tried(path, lambda path: reading.everywhere(files.read(path, args.kind))) for path in paths]
    whole = [one for several in found for one in several or ()]
    return Read(tuple(whole), None in expanded or None in found)


_Result = TypeVar("_Result")


def tried(path: str, read: Callable[[str], _Result]) -> Optional[_Result]:
    """What a path comes to; None, and a word about it, when it cannot be read."""
    try:
        return read(path)
    except OSError as error:
        options.say(f"{path}: {error.strerror or error}")
    except CompatshimError as error:
        options.say(str(error))
    return None


def one(args: argparse.Namespace) -> Analysis:
    """What the one path comes to, with what its distributions require.

    That is for the first of :func:`readings` for whom something is bad, else for the first of all. Raises
    :exc:`UsageError` when the paths are more than one file.
    """
    if args.verify:
        raise UsageError("--verify: an installer's dry run is of an environment; of a file there is none")
    no_environment(args)
    paths = list(dict.fromkeys(path for given in args.paths for path in files.expand(given, args.kind)))
    if len(paths) > 1:
        raise UsageError(f"{args.command} takes one file; these are {len(paths)}: {', '.join(paths)}")
    manifest = files.read(paths[0], args.kind)
    several = readings(args) if manifest.contents.requires_python else [Reading(args)]
    found = [reading.target(manifest) for reading in several]
    return next((one for one in found if any(item.level == "error" for item in one.findings)), found[0])


def no_environment(args: argparse.Namespace) -> None:
    """Raise :exc:`UsageError` when an environment is asked for as well."""
    if args.path is not None:
        raise UsageError(f"--path {args.path}: is an environment; look at it or at files, not at both")


def _locked(contents: Contents) -> Optional[Contents]:
    """The contents as exact versions, if that is what they are."""
    return targets.pinned(contents) if contents.demands else contents


class Reading:
    """What all files of a command have in common."""

    def __init__(self, args: argparse.Namespace, *, lowest: bool = False) -> None:
        """With ``lowest``, a file is judged for the oldest interpreter that it admits, and not for the own one."""
        self._args = args
        self._chosen = targets.lowest if lowest else targets.given
        self.catalog = options.catalog(args)
        """Whose advisories count."""

    @cached_property
    def _snapshot(self) -> Snapshot:
        from compatshim.metadata.snapshot import Snapshot

        return Snapshot.bundled()

    @cached_property
    def _own(self) -> Mapping[str, str]:
        """The marker environment of the interpreter that files are judged for."""
        from compatshim.inventory import environment, probe

        return probe.markers() if self._args.python is None else environment.search_path(self._args.python)[1]

    def _target(self, contents: Contents) -> Target:
        """The interpreter that a file is judged for."""
        return self._chosen(self._own, contents.requires_python)

    def everywhere(self, manifest: Manifest) -> Sequence[Analysis]:
        """A lock in every environment that it is for; requirements in the one that is asked for.

        Exact versions that do not say all that they bring are both.
        """
        contents = manifest.contents
        locked = _locked(contents)
        found: List[Analysis] = []
        if locked is not None:
            about = frozenset(self.catalog.projects)
            found += [analyse(one, self.catalog) for one in targets.inventories(locked, manifest.path, about=about)]
            if self._closed(contents):
                return found
        target = self._target(contents)
        here = [] if locked is None else targets.inventories(locked, manifest.path, target=target)
        if [one.inventory.versions() for one in found] == [one.versions() for one in here]:
            return [self._fresh(manifest)]  # which has all of it, and what it brings
        fresh = self._fresh(manifest._replace(contents=contents._replace(unread=())))
        named = fresh.inventory._replace(
            environment="with what they bring", source=f"{manifest.path} with what they bring"
        )
        return [*found, fresh._replace(inventory=named)]

    def lock(self, manifest: Manifest) -> Optional[Analysis]:
        """Of a file that names exact versions for all that there is, what they come to for one interpreter."""
        closed = _locked(manifest.contents) is not None and self._closed(manifest.contents)
        return self.target(manifest) if closed else None

    def target(self, manifest: Manifest) -> Analysis:
        """A file for one interpreter, with what its distributions require."""
        locked = _locked(manifest.contents)
        if locked is None or not self._closed(manifest.contents):
            return self._fresh(manifest)
        target = self._target(manifest.contents)
        inventory = targets.inventories(locked, manifest.path, target=target)[0]
        return analyse(self.completed(inventory), self.catalog)

    def _closed(self, contents: Contents) -> bool:
        """Whether exact versions say all that they bring."""
        if not contents.demands:
            return True
        from compatshim import ranges

        return ranges.closed(self._asked(contents), self._snapshot)

    def _asked(self, contents: Contents) -> Asked:
        """What a file asks for in the target's environment."""
        from compatshim import ranges

        return ranges.asked(contents, self._target(contents).markers)

    def _fresh(self, manifest: Manifest) -> Analysis:
        """What a fresh installation of the requirements gets, judged."""
        from compatshim import ranges
        from compatshim.cli import source

        args, contents = self._args, manifest.contents
        asked = self._asked(contents)
        unread, allowed = contents.unread, getattr(args, "allowed", False)
        if not args.index:
            return ranges.judge(
                asked, self.catalog, self._snapshot, path=manifest.path, unread=unread, allowed=allowed
            )
        base = Inventory(manifest.path, {}, (), asked.markers)
        with source.opened(args, base, ranges.wishes(asked, self._snapshot)) as metadata:
            return ranges.judge(asked, self.catalog, metadata, path=manifest.path, unread=unread, allowed=allowed)

    def completed(self, inventory: Inventory) -> Inventory:
        """The inventory with what its distributions require, where that is known: locks do not say it in full."""
        found = {}
        for name, item in inventory.distributions.items():
            known = release(self._snapshot, name, item.version)
            found[name] = item._replace(requires=known.requires) if known is not None and known.requires else item
        return inventory._replace(distributions=found)


def readings(args: argparse.Namespace) -> List[Reading]:
    """Who judges a file that is to be mended, in order.

    A file that says which Pythons it is for must do for the oldest as well, unless the user names one.
    """
    return [Reading(args, lowest=lowest) for lowest in ((True, False) if args.python is None else (False,))]
