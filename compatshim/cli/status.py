"""Show which shims `import compatshim` would put in place in an environment, or what a job's processes did."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any, Dict, List

from compatshim import cli
from compatshim.cli import options

if TYPE_CHECKING:
    from compatshim.job import Process
    from compatshim.startup.policy import Settings

HELP = "show what `import compatshim` would mend here, or what the processes of a job did"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    options.environment(parser)
    parser.add_argument(
        "--job",
        metavar="DIR",
        nargs="?",
        const="",
        help="read what the processes of a job wrote under COMPATSHIM_LOG=DIR (default: that variable); "
        "exit status 1 when some could not mend what they should, or what others did",
    )


def run(args: argparse.Namespace) -> int:
    """Show the shims that start-up would arm (nothing of the environment is imported), or a job's ledgers."""
    return _here(args) if args.job is None else _job(args)


def _here(args: argparse.Namespace) -> int:
    from compatshim import autostart, catalog
    from compatshim.inventory import environment
    from compatshim.report import data, text
    from compatshim.startup import foreign, installed, match

    chosen = settings()
    path = sys.path if args.python is None else environment.search_path(args.python)[0]
    versions = installed.scan(path)
    rows, unknown = foreign.joined(*match.holding(match.own(), versions), path=path)
    armed = match.hooks(rows)
    not_allowed = match.hooks(row for _, row in foreign.offered(path))
    enabled = autostart.found(path)
    shims: List[Dict[str, Any]] = [
        {
            "advisory": advisory,
            "shim": shim,
            "modules": list(modules),
            "disabled": chosen.mode in ("off", "observe") or chosen.disables(advisory),
            "allowed": allowed,
        }
        for those, allowed in ((armed, True), (not_allowed, False))
        for advisory, shim, modules in those
    ]
    if args.format == "json":
        content = {
            "mode": chosen.mode,
            "mode_source": chosen.mode_source,
            "disable": list(chosen.disable),
            "disable_source": chosen.disable_source,
            "enabled": enabled,
            "installed": {project: sorted(found) for project, found in sorted(versions.items())},
            "unknown": {project: list(found) for project, found in sorted(unknown.items())},
            "shims": shims,
        }
        sys.stdout.write(data.render("status", catalog.load(), content))
        return cli.CLEAN
    page = text.Page(sys.stdout)
    page.line(("mode ", "dim"), f"{chosen.mode} ({chosen.mode_source})")
    if chosen.disable:
        page.line(("disabled ", "dim"), f"{', '.join(chosen.disable)} ({chosen.disable_source})")
    for place in enabled:
        page.line(("enabled ", "dim"), f"by {place}")
    shown = ", ".join(f"{project} {' and '.join(sorted(found))}" for project, found in sorted(versions.items()))
    page.line(("seen ", "dim"), shown or "none of the projects that advisories name")
    for shim in shims:
        state = "disabled" if shim["disabled"] else "would probe and mend"
        if not shim["allowed"]:
            state = f"is left alone ({foreign.VARIABLE}={shim['shim'].partition('.')[0]} lets it run):"
        page.line((shim["advisory"], "bold"), f"  {state} {', '.join(shim['modules'])} ({shim['shim']})")
    for project, found in sorted(unknown.items()):
        page.line(
            ("left alone: ", text.STYLES["warning"]),
            f"{project} {', '.join(found)}: not a version known here",
        )
    if not armed:
        page.line("Nothing would be patched.")
    sys.stdout.write(page.render())
    return cli.CLEAN


def settings() -> Settings:
    """The settings, where all of them can be used."""
    from compatshim import config
    from compatshim.startup import policy, project

    path = project.nearest()
    if path is not None:
        config.read(path)
    found = policy.load()
    for _, message in found.problems:
        raise cli.UsageError(message)
    return found


def _job(args: argparse.Namespace) -> int:
    from compatshim import catalog, job
    from compatshim.report import data

    folder = args.job or os.environ.get("COMPATSHIM_LOG", "")
    if not folder:
        raise cli.UsageError("--job: name the directory that the job had in COMPATSHIM_LOG, or set that variable")
    log = job.read(folder)
    for line in log.unread:
        options.say(f"not read: {line}")
    if log.torn:
        options.say(f"{folder}: lines that were torn, and are left out: {log.torn}")
    for path in log.full:
        options.say(f"{path} reached its limit; what came later is not in it")
    if not log.processes:
        options.say(f"{folder}: no process wrote anything (a healthy one does not): nothing to show")
        return cli.NOTHING
    found = job.jobs(log)
    if args.format == "json":
        content = {
            "folder": folder,
            "torn": log.torn,
            "full": list(log.full),
            "not_read": list(log.unread),
            "jobs": [_as_data(name, processes) for name, processes in found.items()],
        }
        sys.stdout.write(data.render("job", catalog.load(), content))
    else:
        _show(found)
    return cli.FINDINGS if any(map(job.findings, found.values())) else cli.CLEAN


def _as_data(name: str, processes: List[Process]) -> Dict[str, Any]:
    from compatshim import job

    return {
        "job": name,
        "processes": [
            {**process._asdict(), "outcomes": [outcome._asdict() for outcome in process.outcomes]}
            for process in processes
        ],
        "findings": [outcome._asdict() for outcome in job.findings(processes)],
    }


def _show(found: Dict[str, List[Process]]) -> None:
    from compatshim import job
    from compatshim.report import text
    from compatshim.startup.ledger import Entry

    page = text.Page(sys.stdout)
    for name, processes in found.items():
        programs = ", ".join(dict.fromkeys(process.program for process in processes if process.program))
        last = max(process.last for process in processes)
        page.line(
            (f"job {name}" if name else "no job known", "bold"), f"  {job.who(processes)}: {programs}, {last}"
        )
        wrong = job.findings(processes)
        for outcome, those in job.outcomes(processes).items():
            style = text.STYLES["error"] if outcome in wrong else ""
            entry = Entry(*outcome[:4], reason=outcome.reason, detail=outcome.detail)
            page.line("  ", (str(entry), style), f"  {job.who(those)}")
    sys.stdout.write(page.render())
