"""Backups that prove themselves: dump, verify, publish, prune; restore, drill; and alerts when any of it fails.

Each step is a small function in a file of its own; `job.py` does them in order. Nothing here is imported by the apps.
"""
