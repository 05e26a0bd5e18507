"""What must be true of every advisory beyond its form: small checks with ids."""

from compatshim.kb.lint import names, proof, remedies  # to import them registers their checks
from compatshim.kb.lint.registry import CHECKS, ERROR, WARNING, Base, Problem, lint

__all__ = ["CHECKS", "ERROR", "WARNING", "Base", "Problem", "lint", "names", "proof", "remedies"]
