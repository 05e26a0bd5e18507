"""The pytest plugin of compatshim: tells in the session's report what was mended, and mends only when asked.

It stands beside the package because importing anything of the package mends this process, and a project that has
compatshim among its tools has not asked for that. ``--compatshim``, or ``compatshim = true`` in pytest's settings,
asks; so does a test or a ``conftest.py`` that imports compatshim. PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import sys
from typing import Any, Dict, List, Mapping, Optional

import pytest

HELP = "import compatshim before the first conftest.py: mend known-bad combinations in the tests"
REPORTER = "compatshim-reporter"


def pytest_addoption(parser: Any) -> None:
    """Add the two ways to ask."""
    parser.getgroup("compatshim").addoption("--compatshim", action="store_true", help=HELP)
    parser.addini("compatshim", HELP, type="bool", default=False)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: Any) -> None:
    """Import compatshim when asked, before any code of the project runs."""
    if early_config.known_args_namespace.compatshim or early_config.getini("compatshim"):
        import compatshim  # noqa: F401  that is all it takes


def pytest_configure(config: Any) -> None:
    """Report on this session."""
    if not config.pluginmanager.has_plugin(REPORTER):
        config.pluginmanager.register(Reporter(config), REPORTER)


class Reporter:
    """The header, and at the end what has changed since, with what the workers of pytest-xdist did."""

    def __init__(self, config: Any) -> None:
        self.config = config
        self.shown: List[str] = []
        self.workers: Dict[str, Mapping[str, Any]] = {}

    def pytest_report_header(self) -> List[str]:
        """The state before collection; nothing when compatshim is not imported."""
        state = _state()
        self.shown = [] if state is None else _lines(state)
        return self.shown

    def pytest_sessionfinish(self) -> None:
        """Hand the state of a worker to the controller."""
        output = getattr(self.config, "workeroutput", None)
        state = _state()
        if output is not None and state is not None:
            output["compatshim"] = state

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Keep what a worker of pytest-xdist handed over; one that crashed has nothing to say."""
        state = getattr(node, "workeroutput", {}).get("compatshim")
        if state is not None:
            self.workers[node.gateway.id] = state

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """What the header could not know yet."""
        if self.config.option.verbose < 0:
            return
        state = _state()
        lines = [] if state is None else _lines(state)
        if lines == self.shown:
            lines = []
        grouped: Dict[str, List[str]] = {}
        for name, found in sorted(self.workers.items(), key=lambda item: (len(item[0]), item[0])):
            grouped.setdefault("\n".join(_lines(found)), []).append(name)
        for text, names in grouped.items():
            first, *rest = text.split("\n")
            lines += [f"{', '.join(names)}: {first}", *rest]
        if lines:
            terminalreporter.section("compatshim")
            for line in lines:
                terminalreporter.write_line(line)


def _state() -> Optional[Dict[str, Any]]:
    """Version and status as plain data; None when nobody imported compatshim."""
    module: Any = sys.modules.get("compatshim")
    if module is None:
        return None
    try:
        status = module.status()
    except Exception:  # noqa: BLE001  it is damaged, and has said so: the session is worth more than its report
        return None
    return {"version": module.__version__, "text": str(status), **status.as_dict()}


def _lines(state: Mapping[str, Any]) -> List[str]:
    first, *rest = state["text"].split("\n")
    return [first.replace("compatshim (", f"compatshim {state['version']} ("), *rest]
