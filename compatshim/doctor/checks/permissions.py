"""Whether those who share a cache can use each other's files."""

from __future__ import annotations

from compatshim.doctor import access
from compatshim.doctor.checks.words import owner, within
from compatshim.doctor.facts import Folder, Process
from compatshim.doctor.findings import Finding, Said, Unseen, of_folder, shell
from compatshim.doctor.sharing import Sharing, sharing
from compatshim.terminal import plural

_SETGID, _STICKY = 0o2000, 0o1000


def shared(seen: Folder) -> Sharing:
    """How a folder is shared; not at all where it is not there."""
    if not seen.exists or seen.kind != "folder":
        return Sharing(group=False, others=False, gid=-1)
    return sharing(seen)


@of_folder("CACHE-GROUP", "Do new files in a shared cache get its group?")
def group(seen: Folder, process: Process) -> Said:
    """They get the maker's own group unless the folder has setgid, or its mount says otherwise."""
    if not shared(seen).group or seen.mode & _SETGID:
        return
    if seen.made is not None and seen.made.gid != seen.gid:
        severity = "warning"
        then = f"a file that {process.user} makes there is the group {access.group(seen.made.gid)}'s"
    else:
        severity, then = "note", "what a member with another primary group makes there is that group's"
    mine = () if process.uid == 0 else ("-user", seen.owner)
    yield Finding(
        severity,
        f"it is shared with the group {seen.group} and has no setgid bit: {then}, and the others cannot lock it",
        # Only where the group is right: the bit hands on whatever group a folder has.
        within(seen, "-type", "d", "-group", seen.group, *mine, "-exec", "chmod", "g+s", "{}", "+"),
        owner(seen, process),
    )


@of_folder("CACHE-UMASK", "May others write to the files that this user makes in a shared cache?")
def umask(seen: Folder, process: Process) -> Said:
    """Measured by making one as the libraries do, with the mode 0666."""
    if seen.made is None:
        return
    told = shared(seen)
    bits = 0o020 * told.group | 0o002 * told.others
    lost = bits & ~seen.made.mode
    if not lost:
        return
    whom = f"the group {seen.group}" if lost & 0o020 else "others"
    message = (
        f"new files get the mode {seen.made.mode:04o}: {whom} cannot lock the lock files that {process.user} makes"
    )
    if seen.acl is not None and seen.acl.default:
        entry = ",".join(f"{kind}::rwX" for kind, bit in (("g", 0o020), ("m", 0o020), ("o", 0o002)) if lost & bit)
        yield Finding(
            "warning",
            f"{message}; its default access control list says so, whatever the umask is",
            shell("setfacl", "-R", "-d", "-m", entry, seen.real),
            owner(seen, process),
        )
    elif process.umask & lost:
        yield Finding(
            "warning", f"{message}; the umask is {process.umask:03o}", f"umask {process.umask & ~bits & 0o777:03o}"
        )
    else:
        yield Finding("warning", f"{message}; the file system decides that, not the umask ({process.umask:03o})")


@of_folder("CACHE-ACL", "Do new files get the access control list that the folder has?")
def acl(seen: Folder, process: Process) -> Said:
    """Only a default list is handed on."""
    if seen.acl is None:
        return
    named = [one for one in seen.acl.access if one.split(":")[1] and "w" in one.rsplit(":", 1)[1]]
    if named and not seen.acl.default:
        yield Finding(
            "warning",
            f"its access control list lets {plural(len(named), 'other')} write ({', '.join(named)}), "
            "and new files do not get it: it has no default list",
            shell("setfacl", "-R", "-d", "-m", ",".join(seen.acl.access), seen.real),
            owner(seen, process),
        )


@of_folder("CACHE-STICKY", "Does the kernel let others open a lock file there?")
def sticky(seen: Folder, process: Process) -> Said:
    """There, fs.protected_regular forbids what every lock does: opening with O_CREAT what is another's."""
    if process.protected_regular and seen.mode & _STICKY and shared(seen):
        yield Finding(
            "warning",
            "it is sticky, and fs.protected_regular keeps everybody from opening another user's lock file in it",
            shell("chmod", "-t", seen.real),
            owner(seen, process),
        )


@of_folder("CACHE-OWNER", "Is everything in a cache of one's own one's own?")
def owners(seen: Folder, process: Process) -> Said:
    """As a rule it was a container that ran as root."""
    if not seen.exists or shared(seen) or seen.uid != process.uid:
        return
    deeper = () if seen.leftovers is None else (one.uid for one in seen.leftovers.closed)
    others = sorted({*seen.owned_by, *deeper} - {seen.uid})
    if others:
        names = ", ".join(access.user(number) for number in others)
        yield Finding(
            "warning",
            f"it is {seen.owner}'s alone, and some of what is in it is {names}'s: {seen.owner} may not write that",
            shell("chown", "-R", f"{seen.owner}:{seen.group}", seen.real),
            "" if process.uid == 0 else "root",
        )


@of_folder("CACHE-MODE", "Is what this user has in a shared cache for those who share it?")
def mode(seen: Folder, process: Process) -> Said:
    """Folders, lock files and data of the user's own, which --fix-permissions mends."""
    if seen.leftovers is None:
        if shared(seen):
            yield Unseen("another rank of this node looks at the files")
        return
    if seen.leftovers.unshared:
        yield Finding(
            "warning",
            f"{plural(seen.leftovers.unshared, 'file or folder', 'files and folders')} of {process.user} in it "
            f"{'is' if seen.leftovers.unshared == 1 else 'are'} not for those who share it",
            shell("python", "-m", "compatshim", "doctor", "--cache", seen.path, "--fix-permissions"),
        )
    if not seen.leftovers.complete:
        yield Unseen(f"only {seen.leftovers.seen} entries were looked at: it holds more, or not all may be read")
