"""Which file system a path is on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from compatshim.caches import mounts
from compatshim.caches.mounts import LOCAL, NETWORK, UNKNOWN, Mount

TABLE = r"""22 27 0:20 / /proc rw,nosuid - proc proc rw
27 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
40 27 0:40 / /home rw - nfs4 server:/export/home rw,vers=4.2
41 40 0:41 / /home/me/scratch\040one rw shared:3 master:2 - lustre mds@tcp:/scratch rw
42 27 8:3 / /data ro,relatime - xfs /dev/sdb1 rw
43 27 0:50 / /mnt/s rw - fuse.sshfs me@host: rw
44 27 0:51 / /mnt/odd rw - newfs none rw
45 42 0:52 / /data rw - tmpfs tmpfs rw
46 27 0:53 / /opt rw - squashfs /dev/loop0 ro
torn line
"""


@pytest.mark.parametrize(
    ("path", "kind", "reach", "read_only"),
    [
        ("/x", "ext4", LOCAL, False),
        ("/home/me", "nfs4", NETWORK, False),
        ("/homestead", "ext4", LOCAL, False),
        ("/home/me/scratch one/cache", "lustre", NETWORK, False),
        ("/data/x", "tmpfs", LOCAL, False),  # mounted over the other
        ("/mnt/s/x", "fuse.sshfs", NETWORK, False),
        ("/mnt/odd", "newfs", UNKNOWN, False),
        ("/opt/x", "squashfs", LOCAL, True),
    ],
)
def test_the_nearest_mount_holds_it(path: str, kind: str, reach: str, read_only: bool) -> None:
    found = mounts.mount(path, tuple(mounts.parse(TABLE)))
    assert found is not None
    assert (found.type, found.reach, found.read_only) == (kind, reach, read_only)


def test_nothing_is_known_without_a_table() -> None:
    assert mounts.mount("/x", ()) is None


def test_bytes_that_are_no_text_are_kept() -> None:
    (one,) = mounts.parse("1 1 8:1 / /a\\134b\\011c rw - ext4 /dev/x rw")
    assert one == Mount("/a\\b\tc", "ext4", "/dev/x", read_only=False, options=("rw", "rw"))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc: not run")
def test_of_this_machine(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/proc/self")
    assert (mounts.mount(str(link)) or Mount("", "", "", read_only=False)).type == "proc"
    here = mounts.mount(str(tmp_path / "not" / "there"))
    assert here is not None
    assert os.stat(here.point).st_dev == os.stat(tmp_path).st_dev
