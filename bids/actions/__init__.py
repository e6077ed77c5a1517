"""Everything that writes to a run, one file per subject. Used by views, the admin, receivers and commands.

Each action locks the run once and first, checks state and right on the locked row, writes, records what happened,
and returns. A refusal raises `BulqError` with the sentence the person reads, and nothing is changed.
"""
