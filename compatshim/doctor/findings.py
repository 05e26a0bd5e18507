"""What a check says: a finding with its severity and the command that mends it, or that it could not look."""

from __future__ import annotations

import os
import shlex
import string
from typing import Callable, Dict, Iterator, List, NamedTuple, Tuple, TypeVar, Union

from compatshim.doctor.facts import Folder, Job, Process

SEVERITIES = ("error", "warning", "note")
"""The job will fail or its numbers be wrong; it may, or another user's or job's will; good to know."""


class Finding(NamedTuple):
    """One thing that is wrong."""

    severity: str
    message: str
    """A sentence."""
    command: str = ""
    """What mends it, for a POSIX shell; empty where no command does."""
    who: str = ""
    """Whose command it is, where the user may not: a user's name."""
    path: str = ""
    """Where; empty for what is about the whole job."""
    check: str = ""
    """The id of the check, which the registry fills in, as the next."""
    ranks: Tuple[int, ...] = ()


class Unseen(NamedTuple):
    """Something that could not be checked."""

    reason: str
    path: str = ""
    check: str = ""
    ranks: Tuple[int, ...] = ()


Said = Iterator[Union[Finding, Unseen]]
FolderJudge = Callable[[Folder, Process], Said]
JobJudge = Callable[[Job], Said]


class Check(NamedTuple):
    """A question with a stable id. Exactly one of the judges is there."""

    id: str
    about: str
    """What it asks, for the documentation."""


FOLDER: Dict[Check, FolderJudge] = {}
"""Asked of every cache folder of every process."""
JOB: Dict[Check, JobJudge] = {}
"""Asked once of the whole job."""

_F = TypeVar("_F", bound=FolderJudge)
_J = TypeVar("_J", bound=JobJudge)


def of_folder(name: str, about: str) -> Callable[[_F], _F]:
    """Enter a function as the judge of a check of folders."""

    def enter(judge: _F) -> _F:
        FOLDER[Check(name, about)] = judge
        return judge

    return enter


def of_job(name: str, about: str) -> Callable[[_J], _J]:
    """Enter a function as the judge of a check of the job."""

    def enter(judge: _J) -> _J:
        JOB[Check(name, about)] = judge
        return judge

    return enter


def shell(*words: str) -> str:
    """A command of these words, quoted for a POSIX shell, in one line and in characters that can be copied."""
    return " ".join(shlex.quote(word) if word.isprintable() else _printed(word) for word in words)


_PLAIN = frozenset(b"/._-" + string.ascii_letters.encode() + string.digits.encode())


def _printed(word: str) -> str:
    """The word as the shell's own ``printf`` makes it from plain characters; at its end it may have no line end."""
    text = "".join(chr(byte) if byte in _PLAIN else f"\\{byte:03o}" for byte in os.fsencode(word))
    return f"\"$(printf '{text}')\""


class Report(NamedTuple):
    """What all checks came to."""

    findings: Tuple[Finding, ...]
    unseen: Tuple[Unseen, ...]
    checked: int
    """Questions that were answered: one for each check and folder."""


def judge(job: Job) -> Report:
    """Ask all checks. What several ranks say of one path in the same words comes once, with their numbers."""
    from compatshim.doctor import checks

    checks.load()
    findings: Dict[Tuple[str, ...], Finding] = {}
    unseen: Dict[Tuple[str, ...], Unseen] = {}
    asked = set()
    for process in job.processes:
        ranks = (process.rank,) if process.world > 1 else ()
        for folder in process.folders:
            told = dict(folder.unseen)
            for check, ask in FOLDER.items():
                asked.add((check.id, folder.path))
                said: List[Union[Finding, Unseen]] = list(ask(folder, process))
                if check.id in told:
                    said.append(Unseen(told[check.id]))
                for one in said:
                    _enter(
                        one._replace(path=one.path or folder.path, check=check.id, ranks=ranks), findings, unseen
                    )
    for check, ask_job in JOB.items():
        asked.add((check.id, ""))
        for one in ask_job(job):
            _enter(one._replace(check=check.id), findings, unseen)
    order = sorted(findings.values(), key=lambda one: (SEVERITIES.index(one.severity), one.path))
    blind = {(one.check, one.path) for one in unseen.values()} & asked
    return Report(tuple(order), tuple(unseen.values()), len(asked) - len(blind))


def _enter(
    said: Union[Finding, Unseen], findings: Dict[Tuple[str, ...], Finding], unseen: Dict[Tuple[str, ...], Unseen]
) -> None:
    if isinstance(said, Finding):
        # Numbers in the sentence differ a little between ranks: of one folder, the first stands for all.
        key = (said.check, said.path, said.severity, said.command, "" if said.ranks else said.message)
        first = findings.setdefault(key, said)
        findings[key] = first._replace(ranks=tuple(sorted({*first.ranks, *said.ranks})))
    else:
        other = (said.check, said.path, said.reason)
        known = unseen.setdefault(other, said)
        unseen[other] = known._replace(ranks=tuple(sorted({*known.ranks, *said.ranks})))
