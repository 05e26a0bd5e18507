"""The resolver: the smallest change of versions that takes an environment out of every known-bad combination.

Pure. :mod:`.problem` turns an inventory, a catalog and metadata into incompatibilities over candidates,
:mod:`.search` finds the minimum, :mod:`.explain` says why.
"""
