"""An organisation's own library: it loads a file once, under a lock."""

from filelock import FileLock


class Loader:
    """Loads the file at a path; of several processes one at a time."""

    def __init__(self, path):
        self.path = path
        self.lock = FileLock(f"{path}.lock")

    @property
    def is_loading(self):
        """Whether this one holds the lock; by an attribute that filelock 3.12 does not have any more."""
        return self.lock._lock_file_fd is not None

    def load(self):
        """The content, and whether the lock was held meanwhile."""
        with self.lock, open(self.path) as file:
            return file.read(), self.is_loading
