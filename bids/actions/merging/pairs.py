"""Pairs that look the same: what the source was told apart from, the target is told apart from too."""


def unite_pairs(plan, pairs):
    """Pairs that are only proposed go with the source; its names, which the target has now, are compared again."""
    source, target = plan.source.pk, plan.target.pk
    for pair in pairs.of_any([source]).exclude(told_apart_at=None).order_by("pk"):
        others = {pair.first_id, pair.second_id} - {source, target}
        for other in others:
            first, second = sorted((other, target))
            told = {name: getattr(pair, name) for name in ("likeness", "told_apart_by", "told_apart_at")}
            pairs.update_or_create(first_id=first, second_id=second, defaults=told)
