"""Pages in a real browser."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

DRIVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "browser.py")
DARK = "--blink-settings=preferredColorScheme=0"

Step = Tuple[str, Any]


def see(
    python: str,
    page: Path,
    steps: Sequence[Step],
    *,
    size: Tuple[int, int] = (1200, 900),
    scripts: bool = True,
    flags: str = "",
    fragment: str = "",
) -> List[Any]:
    """What those steps gave that give something; the page asks for nothing and its console says nothing."""
    width, height = size
    task = {"url": page.as_uri() + fragment, "width": width, "height": height, "scripts": scripts, "steps": steps}
    env: Dict[str, str] = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "QTWEBENGINE_CHROMIUM_FLAGS": f"--no-sandbox {flags}",
    }
    done = subprocess.run(
        [python, DRIVER], input=json.dumps(task), env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["asked"], found["said"]) == ([], [])
    return [result for result in found["results"] if result is not None]
