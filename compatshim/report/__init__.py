"""One renderer per format: :mod:`.text` for people, :mod:`.data` for programs. They print nothing."""
