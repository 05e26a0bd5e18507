"""Let acme_loader ask its lock in the way that every filelock answers."""

from compatshim.startup import guard

MODULES = ("acme_loader",)
CHANGES = (("Loader.is_loading", "reads a private attribute of the lock", "asks whether the lock is held"),)
LIMITS = "Other users of the attribute are not mended."


def probe(module):
    """Whether the property reads the attribute, and the lock does not have it."""
    reads = "_lock_file_fd" in module.Loader.is_loading.fget.__code__.co_names
    return reads and not hasattr(module.FileLock("x"), "_lock_file_fd")


def replacements(module):
    """A property that asks the lock."""
    old = module.Loader.is_loading
    return [(module.Loader, "is_loading", property(guard.instead(old.fget, lambda self: self.lock.is_locked)))]
