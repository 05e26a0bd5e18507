"""Show which shims `import compatshim` would put in place in an environment."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Dict, List

from compatshim import cli
from compatshim.cli import options

HELP = "show what `import compatshim` would mend here"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    options.environment(parser)


def run(args: argparse.Namespace) -> int:
    """Show the shims that start-up would arm; nothing of the environment is imported."""
    from compatshim import catalog
    from compatshim.inventory import environment
    from compatshim.report import data, text
    from compatshim.startup import _index, installed, ledger, match

    path = sys.path if args.python is None else environment.search_path(args.python)[0]
    versions = installed.scan(_index.TERMS, path)
    armed, unknown = match.armed(versions)
    mode = ledger.mode()
    shims: List[Dict[str, Any]] = [
        {
            "advisory": advisory,
            "shim": shim,
            "modules": list(modules),
            "disabled": mode in ("off", "observe") or ledger.disabled(advisory),
        }
        for advisory, shim, modules in armed
    ]
    if args.format == "json":
        content = {
            "mode": mode,
            "installed": {project: list(found) for project, found in sorted(versions.items())},
            "unknown": {project: list(found) for project, found in sorted(unknown.items())},
            "shims": shims,
        }
        sys.stdout.write(data.render("status", catalog.load(), content))
        return cli.CLEAN
    page = text.Page(sys.stdout)
    page.line(("mode ", "dim"), mode)
    shown = ", ".join(f"{project} {' and '.join(found)}" for project, found in sorted(versions.items()))
    page.line(("seen ", "dim"), shown or "none of the projects that advisories name")
    for shim in shims:
        state = "disabled" if shim["disabled"] else "would probe and mend"
        page.line((shim["advisory"], "bold"), f"  {state} {', '.join(shim['modules'])} ({shim['shim']})")
    for project, found in sorted(unknown.items()):
        page.line(
            ("left alone: ", text.STYLES["warning"]),
            f"{project} {', '.join(found)}: not a version known here",
        )
    if not shims:
        page.line("Nothing would be patched.")
    sys.stdout.write(page.render())
    return cli.CLEAN
