"""One reader per kind of file: ``read(source)`` returns what the file says.

A reader raises :exc:`~compatshim.inventory.manifest.ManifestError` for what it cannot make sense of as a whole;
what it cannot make sense of in part becomes ``unread`` in its contents.
"""
