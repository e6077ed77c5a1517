"""Pairs that look the same: what the source was told apart from, the target is told apart from too."""


def unite_pairs(plan, pairs):
    """Pairs that are only proposed go with the source; its names, which the target has now, are compared again."""
    source, target = plan.source.pk, plan.target.pk
    known = {(pair.first_id, pair.second_id): pair for pair in pairs.of_any([target])}
    made = {}
    for pair in pairs.of_any([source]).told_apart():
        for other in {pair.first_id, pair.second_id} - {source, target}:
            first, second = sorted((other, target))
            told = {name: getattr(pair, name) for name in ("likeness", "told_apart_by_id", "told_apart_at")}
            made[first, second] = pairs.model(first_id=first, second_id=second, **told)
    pairs.filter(pk__in=[known[key].pk for key in made.keys() & known.keys()]).delete()
    pairs.bulk_create(made.values())
