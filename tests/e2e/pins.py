"""What ``check`` says of an environment, held against the reproducers of the whole catalog, run in it."""

from __future__ import annotations

import json
from typing import Any, Dict, List, NamedTuple, Tuple

from compatshim import compiled
from compatshim.kb import environments, runs
from compatshim.kb.environments import Environment, Spec
from tests.e2e import real, support
from tests.pins import Pins

CATALOG = compiled.load()


class Verdict(NamedTuple):
    """Ids of advisories for what was found; names of reproducers for what was not."""

    proved: Tuple[str, ...] = ()
    """The reproducer of the finding is bad."""
    hidden: Tuple[str, ...] = ()
    """It dies of another finding before it comes to its own, and no shim mends that one."""
    false: Tuple[str, ...] = ()
    """The reproducer of the finding is good, does not apply, or dies of something that no finding is about."""
    missed: Tuple[str, ...] = ()
    """The reproducer is bad, and no finding tells of it."""
    unexplained: Tuple[str, ...] = ()
    """No finding tells of it, and it dies of something else, although all that can be mended is."""

    def __str__(self) -> str:
        return ", ".join(f"{key} {' '.join(value) or '-'}" for key, value in self._asdict().items())


def build(one: Pins) -> Environment:
    """The environment, exactly as it was frozen."""
    python = support.python(one.definition.python)
    return environments.build(Spec(python, one.closure, options=("--no-deps",)))


def check(environment: Environment) -> Dict[str, str]:
    """The level of every finding, by id."""
    done = real.ask("check", "--python", environment.python, "--format", "json", "--exit-zero")
    assert done.returncode == 0, done.stderr
    found: List[Dict[str, Any]] = json.loads(done.stdout)["findings"]
    return {item["id"]: item["level"] for item in found}


def judge(environment: Environment, found: Dict[str, str]) -> Verdict:
    """Run every reproducer that the environment has the projects of, and see which findings are true."""
    installed = environment.installed()
    programs: Dict[str, List[str]] = {}
    for advisory in CATALOG.advisories:
        if all(project in installed for project in advisory.projects):
            ids = programs.setdefault(advisory.reproducer.id, [])
            ids += [advisory.id] if advisory.id in found else []
    seen = {program: _mended(environment, program, ids) for program, ids in programs.items()}
    faults = [text.partition("BAD: ")[2] for program, (outcome, text) in seen.items() if outcome == "bad"]
    verdict = Verdict()
    for program, ids in programs.items():
        outcome, text = seen[program]
        if outcome == "broken" and any(fault and text.endswith(fault) for fault in faults):
            outcome = "hidden"  # it died of what another one is about
        if ids:
            key = {"bad": "proved", "hidden": "hidden"}.get(outcome, "false")
            verdict = verdict._replace(**{key: (*getattr(verdict, key), *ids)})
        elif outcome in ("bad", "broken"):
            key = {"bad": "missed", "broken": "unexplained"}[outcome]
            verdict = verdict._replace(**{key: (*getattr(verdict, key), program)})
    return verdict


def _mended(environment: Environment, program: str, ids: List[str]) -> Tuple[str, str]:
    """What a reproducer says. Where several faults meet, all are mended but for the one in question."""
    outcome, text = _run(environment, program)
    if outcome == "broken":
        outcome, text = _run(environment, program, shim=True, COMPATSHIM_DISABLE=",".join(ids))
    return outcome, text


def _run(environment: Environment, program: str, *, shim: bool = False, **env: str) -> Tuple[str, str]:
    words = ["--shim"] if shim else []
    path = f"{support.REPRODUCERS}/{program}.py"
    outcome, text = runs.outcome_of(support.run(environment, path, *words, shim=shim, **runs.APART, **env))
    print(f"{program}{' with the shims' if shim else ''}: {outcome}: {text}")  # noqa: T201  what a failure is about
    return outcome, text
