"""Two rows that stand for the same thing become one: products, stores, people.

`rehearse` shows what a merge would do by doing it and taking it back; `merge` does it, in one transaction.
"""

from .plan import Plan, merge, rehearse

__all__ = ["Plan", "merge", "rehearse"]
