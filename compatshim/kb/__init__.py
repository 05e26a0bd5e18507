"""The machinery that keeps the knowledge base true: compile, snapshot, verify. For developers of compatshim."""
