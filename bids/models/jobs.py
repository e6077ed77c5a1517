"""What needs a person, over all their runs: the most urgent first, one button each."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Group
from bids import states
from bulq.money import format_money

from .guidance import next_step
from .sums import debts_of


@dataclass
class Job:
    urgency: int
    title: str
    text: str
    action: str
    url: str
    icon: str
    tone: str = "warn"


def jobs_of(user, runs):
    """`runs` are the person's open runs with what `for_cards` annotates."""
    jobs = [job for run in runs if (job := _job_of_run(user, run))]
    owes, due = debts_of(user)
    jobs += [_debt_job(debt) for debt in owes if debt.amount > 0]
    jobs += _due_jobs(due)
    return sorted(jobs, key=lambda job: job.urgency)


def _job_of_run(user, run):
    leads = run.leader_id == user.pk
    url = reverse("run", args=[run.pk])
    if run.lead_offered_to_id == user.pk:
        title = _("%(name)s asks you to lead") % {"name": run.leader.name}
        return Job(0, title, _where(run), _("Answer"), url, "users")
    if leads and (words := LEADER_JOBS.get(run.state)):
        urgency, title, action, symbol = words()
        return Job(urgency, title % {"run": run}, _where(run), action, url, symbol)
    if run.state == states.ADJUSTING and run.takes_part and not run.is_ready:
        return Job(1, _("Sort out %(run)s") % {"run": run}, _where(run), _("Sort out"), url, "scale")
    if run.state == states.DISTRIBUTING and run.my_products:
        return Job(2, _("Your things are ready"), str(run), _("See list"), url, "bag", "ok")
    if run.is_collecting and not run.is_ready:
        text = _("You have not chosen anything yet.") if not run.my_products else _("You are still choosing.")
        return Job(4, str(run), f"{run.group.name}. {text}", _("Choose"), url, "clock")
    return None


LEADER_JOBS = {
    states.CONFIRMED: lambda: (2, _("Go shopping: %(run)s"), _("Open"), "car"),
    states.SHOPPING: lambda: (0, _("You are shopping: %(run)s"), _("Go on"), "car"),
    states.ADJUSTING: lambda: (1, _("Sort out %(run)s"), _("Sort out"), "scale"),
    states.DISTRIBUTING: lambda: (1, _("Hand out %(run)s"), _("Hand out"), "bag"),
}


def _where(run):
    return f"{run.group.name}. {next_step_brief(run)}"


def next_step_brief(run):
    return str(run.get_state_display())


def _debt_job(debt):
    words = {"payer": debt.run.payer.name, "amount": format_money(debt.amount, debt.run.currency)}
    title = _("You owe %(payer)s %(amount)s") % words
    return Job(3, title, str(debt.run), _("See"), reverse("run", args=[debt.run.pk]), "scale")


def _due_jobs(due):
    by_run = {}
    for debt in due:
        by_run.setdefault(debt.run, []).append(debt.amount)
    for run, amounts in by_run.items():
        words = {"count": len(amounts), "amount": format_money(sum(amounts), run.currency)}
        title = _("%(amount)s are still owed to you") % words
        yield Job(5, title, str(run), _("See"), reverse("run", args=[run.pk]), "scale", "")


@dataclass
class GroupCard:
    group: Group
    runs: list


def cards_of(user, runs):
    """The person's groups that are not archived, each with its open runs."""
    groups = Group.objects.active().visible_to(user).order_by("name", "pk")
    by_group = {}
    for run in runs:
        run.next_step = next_step(run, user)
        by_group.setdefault(run.group_id, []).append(run)
    return [GroupCard(group, by_group.get(group.pk, [])) for group in groups]
