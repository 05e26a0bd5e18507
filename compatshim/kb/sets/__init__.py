"""Constraint sets: complete, pinned environments of named stacks, committed with what was run in them.

``sets.toml`` names the stacks and the Pythons (:mod:`stacks`). Each set is one constraint file; ``verified.json``
records what was run in it, or why there is none (:mod:`record`); ``README.md`` shows that to people
(:mod:`readme`). :mod:`make` makes all three, :mod:`prove` is why they can be believed, and :mod:`check` says
whether they still agree.
"""
