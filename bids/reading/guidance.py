"""What happens next in a run and who must act, for one reader: whole sentences, the most urgent first."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bids.states import RunState
from bulq.kit.money import format_money

from .sums import ZERO


def next_step(standing):
    """The run has to come with its leader, its payer and, if someone is asked to lead it, that person."""
    run = standing.run
    if standing.leads and run.lead_offered_to_id:
        return _("Waiting for %(name)s to take over the lead.") % {"name": run.lead_offered_to.name}
    return " ".join(STEPS[RunState(run.state)](standing))


def _leader(standing):
    return {"leader": standing.run.leader.name}


def _collecting(standing):
    if standing.leads:
        yield _leader_collecting(standing)
    elif standing.mine and standing.mine.is_ready:
        yield _("You are done choosing. Waiting for %(leader)s to lock the list.") % _leader(standing)
    elif standing.mine and standing.mine.wants:
        yield _("Say when you are done choosing. %(leader)s then locks the list.") % _leader(standing)
    else:
        yield _("Choose what you want. %(leader)s locks the list when everyone is done.") % _leader(standing)


def _leader_collecting(standing):
    if not standing.is_wanted:
        return _("You and everyone in the group can choose now. Lock the list when everyone is done.")
    if count := standing.others_choosing:
        text = ngettext(
            "%(count)s person is still choosing. Lock the list when everyone is done.",
            "%(count)s people are still choosing. Lock the list when everyone is done.",
            count,
        )
        return text % {"count": count}
    if standing.mine and standing.mine.wants and not standing.mine.is_ready:
        return _("Only you are still choosing. Lock the list when you are done.")
    return _("Everyone is done choosing. You can lock the list now.")


def _locked(standing):
    if standing.leads:
        yield _("You can go shopping now.")
    else:
        yield _("Waiting for %(leader)s to go shopping.") % _leader(standing)


def _shopping(standing):
    if standing.leads:
        yield _("You are shopping.")
    elif standing.helps:
        yield _("%(leader)s is shopping, and you help.") % _leader(standing)
    else:
        yield _("%(leader)s is shopping.") % _leader(standing)


def _sorting_out(standing):
    if standing.leads and standing.to_decide:
        yield _("Not everything came as ordered. Sort out who takes what, then start the hand-out.")
    elif standing.leads and standing.difference:
        more, less = _("The receipts say %(amount)s more."), _("The receipts say %(amount)s less.")
        text = more if standing.difference > 0 else less
        yield text % {"amount": _money(standing, abs(standing.difference))}
        yield _("Choose what happens with the difference, then the hand-out can start.")
    elif standing.leads:
        yield _("Everything is sorted out. Start the hand-out.")
    elif standing.can_decide:
        text = _("Not everything came as ordered. Decide what you take; %(leader)s then starts the hand-out.")
        yield text % _leader(standing)
    elif standing.to_decide:
        yield _("%(leader)s is sorting out what differs from the orders.") % _leader(standing)
    elif standing.difference:
        yield _("Waiting for %(leader)s to decide about the difference to the receipts.") % _leader(standing)
    else:
        yield _("Waiting for %(leader)s to start the hand-out.") % _leader(standing)


def _handing_out(standing):
    mine, steps = standing.mine, []
    if standing.leads:
        steps.append(_leader_handing_out(standing))
    else:
        if standing.helps and standing.waiting:
            steps.append(_("Help %(leader)s hand out the goods.") % _leader(standing))
        if mine and standing.waits(mine):
            steps.append(_("Pick up your things from %(leader)s.") % _leader(standing))
    steps += _own_money(standing)
    if not steps and mine and (mine.receives or standing.is_payer):
        steps.append(_("You are all set. %(leader)s is handing out the rest.") % _leader(standing))
    return steps or [_("%(leader)s is handing out the goods.") % _leader(standing)]


def _leader_handing_out(standing):
    if not standing.waiting:
        return _("Everything is handed out. Finish the hand-out.")
    if standing.debtors:
        return _("Hand out the goods, and note who has paid.")
    return _("Hand out the goods.")


def _completed(standing):
    if standing.is_settled:
        done, nothing = _("Settled: everything is handed out and paid."), _("This run is over. Nothing was bought.")
        return [done if standing.was_handed_out else nothing]
    return [_("Handed out."), *(_own_money(standing) or _money_of_others(standing))]


def _called_off(_standing):
    yield _("This run was called off. Nobody owes anything.")


def _own_money(standing):
    """What the reader pays or gets back; for the payer, what the others do."""
    if standing.is_payer:
        return list(_money_of_payer(standing))
    owes, back = standing.own_balance
    params = {"payer": standing.run.payer.name, "amount": _money(standing, owes or back)}
    if owes:
        return [_("You still owe %(payer)s %(amount)s.") % params]
    return [_("%(payer)s gives you %(amount)s back.") % params] if back else []


def _money_of_payer(standing):
    if standing.debtors:
        text = ngettext(
            "%(count)s person still has to pay you %(amount)s.",
            "%(count)s people still have to pay you %(amount)s in total.",
            len(standing.debtors),
        )
        yield text % _counted(standing, standing.debtors)
    if len(standing.creditors) == 1:
        yield _("You give %(name)s %(amount)s back.") % _counted(standing, standing.creditors)
    elif standing.creditors:
        text = ngettext(
            "You give %(count)s person %(amount)s back.",
            "You give %(count)s people %(amount)s back in total.",
            len(standing.creditors),
        )
        yield text % _counted(standing, standing.creditors)


def _money_of_others(standing):
    if standing.debtors:
        text = ngettext(
            "%(count)s person still has to pay %(amount)s.",
            "%(count)s people still have to pay %(amount)s in total.",
            len(standing.debtors),
        )
        yield text % _counted(standing, standing.debtors)
    params = _counted(standing, standing.creditors) | {"payer": standing.run.payer.name}
    if len(standing.creditors) == 1:
        yield _("%(payer)s gives %(name)s %(amount)s back.") % params
    elif standing.creditors:
        text = ngettext(
            "%(payer)s gives %(count)s person %(amount)s back.",
            "%(payer)s gives %(count)s people %(amount)s back in total.",
            len(standing.creditors),
        )
        yield text % params


def _counted(standing, people):
    """Parameters of a sentence about several `(name, amount)`: their count, sum, and the first name."""
    amount = sum((amount for _name, amount in people), ZERO)
    name = people[0][0] if people else ""
    return {"count": len(people), "amount": _money(standing, amount), "name": name}


def _money(standing, amount):
    return format_money(amount, standing.run.currency)


STEPS = {
    RunState.PLANNING: _collecting,
    RunState.ACTIVE: _collecting,
    RunState.CONFIRMED: _locked,
    RunState.SHOPPING: _shopping,
    RunState.ADJUSTING: _sorting_out,
    RunState.DISTRIBUTING: _handing_out,
    RunState.COMPLETED: _completed,
    RunState.CANCELLED: _called_off,
}
