"""What happens next in a run and who must act, in one sentence for the reader."""

from django.utils.translation import gettext as _

from bids.states import RunState

TO_DO = {
    RunState.PLANNING: lambda: (_("Everybody chooses what they want."), ""),
    RunState.ACTIVE: lambda: (_("Everybody chooses what they want."), ""),
    RunState.CONFIRMED: lambda: (_("You can go shopping now."), _("Waiting for %(leader)s to go shopping.")),
    RunState.SHOPPING: lambda: (_("You are shopping."), _("%(leader)s is shopping.")),
    RunState.ADJUSTING: lambda: (
        _("Not everything came as ordered: sort out who takes what, then hand out."),
        _("Not everything came as ordered: say what you take. %(leader)s then hands out."),
    ),
    RunState.DISTRIBUTING: lambda: (
        _("Hand the goods out, and note who has paid."),
        _("Pick up your things from %(leader)s and pay %(payer)s."),
    ),
    RunState.COMPLETED: lambda: (_("This run is over."), ""),
    RunState.CANCELLED: lambda: (_("This run was called off. Nobody owes anything."), ""),
}


def next_step(run, user):
    """`run` comes with leader, payer and, if somebody is asked to lead it, that person."""
    if run.lead_offered_to_id and run.lead_offered_to_id != user.pk and run.leader_id == user.pk:
        return _("Waiting for %(name)s to take the lead over.") % {"name": run.lead_offered_to.name}
    for_leader, for_others = TO_DO[RunState(run.state)]()
    if run.state == RunState.DISTRIBUTING and run.payer_id == run.leader_id:
        for_others = _("Pick up your things from %(leader)s and pay them.")
    text = for_leader if run.leader_id == user.pk or not for_others else for_others
    return text % {"leader": run.leader.name, "payer": run.payer.name if run.payer else run.leader.name}
