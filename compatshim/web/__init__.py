"""Pages that load nothing: elements, and what all pages have in common."""
