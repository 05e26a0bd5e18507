"""Whether the caches of a job will work: facts are gathered at the edge, judged by pure checks, and mended.

:mod:`~compatshim.doctor.look` gathers the :mod:`~compatshim.doctor.facts` of one process,
:mod:`~compatshim.doctor.ranks` those of a whole job; the checks in :mod:`~compatshim.doctor.checks` judge them, and
:mod:`~compatshim.doctor.mend` changes the permissions of what the user owns.
"""
