"""Index metadata: the releases of projects, from the bundled snapshot or elsewhere."""
