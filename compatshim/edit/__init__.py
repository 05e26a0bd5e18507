"""Edits of files that people wrote: text in, text out, and nothing else in it changed."""
