"""The map: what was run, versions against versions, as a page and as a picture.

:mod:`.grid` makes the matrices of a catalog, :mod:`.page` and :mod:`.picture` show them; none does I/O.
"""
