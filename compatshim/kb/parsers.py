"""What a command line's parser says of its commands and arguments; argparse has no public way to ask."""

from __future__ import annotations

import argparse
from typing import Iterator, List, Tuple


def arguments(parser: argparse.ArgumentParser) -> List[argparse.Action]:
    """Options and positional arguments, without the choice of a command."""
    return [one for one in parser._actions if not isinstance(one, argparse._SubParsersAction)]  # noqa: SLF001  see above


def commands(parser: argparse.ArgumentParser) -> Iterator[Tuple[str, str, argparse.ArgumentParser]]:
    """Name, help and parser of each command, in the order of names."""
    for action in parser._actions:  # noqa: SLF001  see above
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  see above
            abouts = {one.dest: one.help or "" for one in action._get_subactions()}  # noqa: SLF001  see above
            for name in sorted(action.choices):
                yield name, abouts.get(name, ""), action.choices[name]
