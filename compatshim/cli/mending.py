"""How a file is mended: it is judged, its lines are edited, and the new text is judged before it is written."""

from __future__ import annotations

import argparse
import os
from typing import Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from compatshim import gate, ranges
from compatshim.analysis import Analysis
from compatshim.answer import Answer
from compatshim.cli import manifests, options
from compatshim.cli.attempts import EDITED, Attempt
from compatshim.edit import choose, commands, write
from compatshim.edit.moves import Edit, EditError, Move
from compatshim.edit.write import Original
from compatshim.inventory import files
from compatshim.inventory.files import Manifest
from compatshim.inventory.manifest import ManifestError
from compatshim.model import Catalog, Finding
from compatshim.solve.problem import Bound
from compatshim.solve.requirements import Wanted
from compatshim.solve.search import OutOfBudgetError

ROUNDS = 12
"""Edits of one text, each for what is wrong after the one before, until it counts as a failure."""


class Style(NamedTuple):
    """How much may be written to get there."""

    exact: bool = False
    """Exact versions also where there were ranges."""
    add: bool = False
    """Lines for projects that the file does not name."""
    guards: bool = False
    """Bounds for projects that need not move now."""


STYLES = (Style(), Style(add=True), Style(add=True, exact=True), Style(add=True, exact=True, guards=True))
"""From the least to the most."""


class Outcome(NamedTuple):
    """What becomes of one file."""

    path: str
    kind: str
    before: Tuple[Finding, ...] = ()
    """What counts in the file as it is."""
    remaining: Tuple[Finding, ...] = ()
    """What is left of it, and is no error."""
    edits: Tuple[Edit, ...] = ()
    texts: Tuple[Tuple[Original, str], ...] = ()
    """The files to write, and their new texts: the file itself, or what it includes."""
    commands: Tuple[str, ...] = ()
    """What is to be run instead, or afterwards."""
    refused: str = ""
    """Why it cannot be mended by an edit; empty when it can."""
    answer: Optional[Answer] = None
    """The last that the solver said."""
    nothing: bool = False
    """Whether nothing in it could be checked."""


class _Seen(NamedTuple):
    """A text as it is judged."""

    analyses: Tuple[Analysis, ...]
    failing: Tuple[gate.Judged, ...]
    excused: FrozenSet[str]
    worst: Optional[Analysis]
    """The environment to solve for; None when nothing fails."""
    whole: bool
    """Whether the text names exact versions for all that there is."""


class Mending:
    """The mending of all files of a command."""

    def __init__(self, args: argparse.Namespace, policy: gate.Policy) -> None:
        """Take the options, and what counts."""
        self._args, self._policy = args, policy
        self._readings = manifests.readings(args)

    @property
    def catalog(self) -> Catalog:
        """Whose advisories count."""
        return self._readings[0].catalog

    def mended(self, path: str) -> Outcome:
        """What a file comes to when it is mended. Raises what reading it raises."""
        manifest = files.read(path, self._args.kind)
        made = Outcome(manifest.path, manifest.kind.name)
        seen = self._see(manifest, wanted=bool(self._args.require))
        options.not_checked(seen.analyses[0].inventory)
        if not any(one.inventory.was_read for one in seen.analyses):
            return made._replace(nothing=True)
        made = made._replace(before=tuple(one.finding for one in seen.failing))
        if seen.worst is None:
            return made
        try:
            answer = self._answer(manifest, seen)
        except OutOfBudgetError as error:
            return made._replace(refused=f"the search for a fix was given up ({error})")
        made = made._replace(answer=answer)
        if not answer.changes:
            cured = not seen.failing and answer.solution is not None
            return made if cured else made._replace(refused="no change of versions cures it")
        if made.kind not in EDITED:
            return self._by_its_tool(manifest, made, answer)
        return self._by_hand(manifest, made, seen, answer)

    def _by_hand(self, manifest: Manifest, made: Outcome, seen: _Seen, answer: Answer) -> Outcome:
        reason = ""
        for style in STYLES:
            attempt = Attempt(manifest, whole=seen.whole)
            try:
                clean = self._tried(attempt, seen, answer, style)
            except (EditError, OutOfBudgetError) as error:
                reason = reason or str(error)
                continue
            if clean is None:
                continue
            worse = _worse(seen, clean)
            if worse:
                reason = reason or worse
                continue
            texts = attempt.written()
            remaining = tuple({one.advisory.id: one for item in clean.analyses for one in item.findings}.values())
            return made._replace(
                edits=attempt.edits(), texts=texts, remaining=remaining, commands=_after(manifest, texts)
            )
        pins = [f"{one.project}=={one.after}" for one in answer.changes]
        return made._replace(
            refused=reason or "no edit of its lines was found after which nothing known to be bad is left",
            commands=_again([write.read(manifest.path)], pins) or _pin(manifest),
        )

    def _tried(self, attempt: Attempt, seen: _Seen, answer: Answer, style: Style) -> Optional[_Seen]:
        """The text after edits in a style, once it is clean; None when it does not get there."""
        for number in range(ROUNDS):
            moves = _moves(answer, style, frozenset(wish.name for wish in answer.wishes.require))
            if not attempt.apply(moves, answer.analysis, add=style.add):
                return None
            manifest = attempt.manifest(self._args.kind)
            seen = self._see(manifest, wanted=False)
            if seen.worst is None:
                return seen
            if number + 1 < ROUNDS:
                answer = self._answer(manifest, seen)
                if answer.solution is None:
                    return None
        return None

    def _see(self, manifest: Manifest, *, wanted: bool) -> _Seen:
        """Judge a text; with ``wanted`` there is an environment to solve for even where nothing fails."""
        environments: Dict[Tuple[str, str], Analysis] = {}
        whole = True
        for reading in self._readings:
            own = reading.lock(manifest)
            whole = whole and own is not None
            # What it comes to for the interpreter is first. Without a lock the last is what an installation gets.
            several = list(reading.everywhere(manifest))
            for one in [own, *several] if own is not None else reversed(several):
                key = (one.inventory.environment, str(sorted(one.inventory.versions().items())))
                environments.setdefault(key, one)
        analyses = tuple(environments.values())
        judgement = gate.judge(analyses, self._policy)
        failing = tuple(one for one in judgement.findings if one.fails)
        worst = next((one for one in analyses if _fails(one, failing)), analyses[0] if wanted else None)
        excused = frozenset(one.finding.advisory.id for one, _ in judgement.excused())
        return _Seen(analyses, failing, excused, worst, whole)

    def _answer(self, manifest: Manifest, seen: _Seen) -> Answer:
        """The solver's answer for the worst environment; what is ignored is no reason to move anything.

        Ranges may have to give way; a version that a line rules out by name is one that the user knows to be bad.
        """
        found = seen.worst or seen.analyses[0]
        catalog = found.catalog
        kept = tuple(one for one in catalog.advisories if one.id not in seen.excused)
        found = found._replace(
            inventory=self._readings[0].completed(found.inventory),
            catalog=catalog._replace(advisories=kept),
            findings=tuple(one for one in found.findings if one.advisory.id not in seen.excused),
        )
        wishes = options.wishes(self._args, found.inventory)
        bounds = (*wishes.constraints, *_ruled_out(manifest, found))
        return options.answer(self._args, found, self._args.objective, wishes._replace(constraints=bounds))

    def _by_its_tool(self, manifest: Manifest, made: Outcome, answer: Answer) -> Outcome:
        """A lock: what it is made from is edited where that rules the answer out, and its tool does the rest."""
        source = _source(manifest)
        direct: FrozenSet[str] = frozenset()
        if source is not None:
            direct = frozenset(one.project for one in source.contents.demands)
            moves = [
                Move(reason.change.project, reason.change.after, via=reason.advisories)
                for reason in answer.reasons
                if reason.change.after is not None
            ]
            attempt = Attempt(source)
            try:
                attempt.apply(moves, answer.analysis, add=False)
            except EditError as error:
                return made._replace(refused=str(error))
            made = made._replace(edits=attempt.edits(), texts=attempt.written())
        text = "" if os.path.isdir(manifest.path) else write.read(manifest.path).text
        found = commands.lock(
            made.kind,
            commands.Locked(manifest.path, answer.changes, direct, source.path if source is not None else ""),
            text,
        )
        return made._replace(
            commands=found or _pin(manifest),
            refused="is written by its own tool, and not edited; check it again when that was run",
        )


def _pin(manifest: Manifest) -> Tuple[str, ...]:
    """The way out where nothing else is known: constraints to make a file again with."""
    return (f"{commands.line('python', '-m', 'compatshim', 'pin', manifest.path)} > constraints.txt",)


def _source(manifest: Manifest) -> Optional[Manifest]:
    """The file that a lock is made from; None where there is none beside it that can be read."""
    folder, name = os.path.split(manifest.path)
    kind = manifest.kind.name
    if kind == "uv.lock" and name.endswith(".py.lock"):
        name = name[: -len(".lock")]
    elif kind in ("uv.lock", "poetry.lock", "pdm.lock"):
        name = "pyproject.toml"
    elif kind == "conda-lock":
        name = "environment.yml"
    else:
        return None
    try:
        return files.read(os.path.join(folder, name))
    except (ManifestError, OSError):  # it need not be there, nor name anything
        return None


def _moves(answer: Answer, style: Style, wished: FrozenSet[str]) -> List[Move]:
    """What the changes of an answer ask of the lines of a file."""
    cured = tuple(one.advisory.id for one in answer.analysis.findings if one.level == "error")
    made = []
    for reason in answer.reasons:
        change = reason.change
        if change.after is None:
            continue
        known = tuple(one for one in answer.problem.candidates.get(change.project, ()) if one is not None)
        asked = choose.Asked(
            change.project,
            change.before,
            change.after,
            tuple(answer.analysis.catalog.advisory(name) for name in reason.advisories),
            known,
            change.project in wished,
        )
        made.append(choose.move(asked, exact=style.exact, via=cured))
    if style.guards:
        for line in answer.guards:
            floor, cap = choose.bounds(line.specifier)
            made.append(Move(line.project, answer.after[line.project], floor, cap, via=line.via))
        made = [one._replace(needed=True) for one in made]
    return made


def _ruled_out(manifest: Manifest, found: Analysis) -> Iterator[Bound]:
    asked = ranges.asked(manifest.contents, found.inventory.markers)
    for one in (*asked.demands, *asked.constraints):
        clauses = ",".join(part for part in one.specifier.replace(" ", "").split(",") if part.startswith("!="))
        if clauses:
            yield Bound(Wanted(one.project, frozenset(), clauses, ""), str(one.location), str(one.location))


def _fails(analysis: Analysis, failing: Sequence[gate.Judged]) -> bool:
    return any(one.finding in analysis.findings for one in failing)


def _worse(before: _Seen, after: _Seen) -> str:
    """What is not checked any more, or cannot be satisfied any more; empty when all was as before."""
    known = {(item.project, item.reason) for one in before.analyses for item in one.inventory.unread}
    found = [
        item for one in after.analyses for item in one.inventory.unread if (item.project, item.reason) not in known
    ]
    return f"after the edit, {found[0]}; --python tells for which Python it is, if for another" if found else ""


def _after(manifest: Manifest, texts: Sequence[Tuple[Original, str]]) -> Tuple[str, ...]:
    """What is to be run once the new texts are there: the lock that is made from them, what was compiled."""
    folder = os.path.dirname(manifest.path)
    found = []
    if manifest.kind.name == "pyproject":
        beside = os.listdir(folder or ".")
        for name, tool, option in _LOCKS:
            if name in beside:
                found.append(commands.line(tool, "lock", *((option, folder) if folder else ())))
    return (*found, *_again([original for original, _ in texts], ()))


def _again(originals: Sequence[Original], pins: Sequence[str]) -> Tuple[str, ...]:
    """How compiled files are made again, after those that they were made from have been mended as well."""
    found: Dict[str, None] = {}
    for original in originals:
        folder = os.path.dirname(original.path)
        sources = [os.path.join(folder, name) for name in commands.sources(original.text)]
        for path in sources:
            if os.path.exists(path) and os.path.realpath(path) != os.path.realpath(original.path):
                found[commands.line("python", "-m", "compatshim", "fix", path)] = None
        found.update(dict.fromkeys(commands.compiled(original.text, pins)))
    return tuple(found)


_LOCKS = (
    ("uv.lock", "uv", "--directory"),
    ("poetry.lock", "poetry", "--directory"),
    ("pdm.lock", "pdm", "--project"),
)
"""Locks beside ``pyproject.toml``, whose each is, and the option for another folder."""
