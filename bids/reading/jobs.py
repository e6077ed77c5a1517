"""What needs a person, over all their runs: the most urgent first, one button each."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Group
from bids import states
from bulq.kit.money import format_money
from bulq.kit.prepared import prepared

from .guidance import next_step
from .sums import ZERO, debts_of


@dataclass
class Job:
    urgency: int
    title: str
    text: str
    action: str
    url: str
    icon: str
    tone: str = "warn"


def jobs_of(user, standings):
    """`standings` are those of the person's open runs."""
    jobs = [job for standing in standings if (job := _job_in(standing))]
    owes, due = debts_of(user)
    jobs += [_debt_job(debt) for debt in owes]
    jobs += _due_jobs(due)
    return sorted(jobs, key=lambda job: job.urgency)


def _job_in(standing):
    run, mine = standing.run, standing.mine
    url = reverse("run", args=[run.pk])
    if run.lead_offered_to_id == standing.user.pk:
        title = _("%(name)s asks you to lead") % {"name": run.leader.name}
        return Job(0, title, f"{run}, {run.group}", _("Answer"), url, "users")
    if found := _leader_job(standing) if standing.leads else None:
        urgency, title, action, symbol = found
        return Job(urgency, title % {"run": run}, _where(standing), action, url, symbol)
    if run.state == states.ADJUSTING and standing.can_decide:
        return Job(1, _("Sort out %(run)s") % {"run": run}, _where(standing), _("Sort out"), url, "scale")
    if run.state == states.DISTRIBUTING and mine and standing.waits(mine):
        return Job(2, _("Your things are ready"), f"{run}, {run.group}", _("See list"), url, "bag", "ok")
    if run.is_collecting and not (mine and mine.is_ready):
        text = _("You are still choosing.") if mine and mine.wants else _("You have not chosen anything yet.")
        return Job(4, str(run), f"{run.group}. {text}", _("Choose"), url, "clock")
    return None


def _leader_job(standing):
    """Urgency, title, button and icon of what only the leader can do now."""
    if standing.run.is_collecting:
        all_done = standing.is_wanted and not standing.others_choosing and standing.mine and standing.mine.is_ready
        return (2, _("Lock the list: %(run)s"), _("Lock"), "lock") if all_done else None
    if standing.run.state == states.ADJUSTING and not standing.to_decide:
        return 1, _("Start the hand-out: %(run)s"), _("Hand out"), "bag"
    if standing.run.state == states.DISTRIBUTING and not standing.waiting:
        return 1, _("Finish the hand-out: %(run)s"), _("Finish"), "bag"
    job = LEADER_JOBS.get(standing.run.state)
    return job and job()


LEADER_JOBS = {
    states.CONFIRMED: lambda: (2, _("Go shopping: %(run)s"), _("Open"), "car"),
    states.SHOPPING: lambda: (0, _("You are shopping: %(run)s"), _("Continue"), "car"),
    states.ADJUSTING: lambda: (1, _("Sort out %(run)s"), _("Sort out"), "scale"),
    states.DISTRIBUTING: lambda: (1, _("Hand out %(run)s"), _("Hand out"), "bag"),
}


def _where(standing):
    return f"{standing.run.group}. {standing.label}"


def _debt_job(debt):
    words = {"name": debt.creditor.name, "amount": format_money(debt.amount, debt.run.currency)}
    title = _("You owe %(name)s %(amount)s") % words
    return Job(3, title, f"{debt.run}, {debt.run.group}", _("See"), _address(debt), "scale")


def _due_jobs(due):
    by_run = {}
    for debt in due:
        by_run.setdefault(debt.run.pk, []).append(debt)
    for debts in by_run.values():
        first, amount = debts[0], sum((debt.amount for debt in debts), ZERO)
        title = _("You are still owed %(amount)s") % {"amount": format_money(amount, first.run.currency)}
        yield Job(5, title, f"{first.run}, {first.run.group}", _("See"), _address(first), "scale", "")


def _address(debt):
    """The run; for who has left its group, the page that still tells of the debt."""
    return reverse("run", args=[debt.run.pk]) if debt.is_visible else reverse("me")


@dataclass
class RunLine:
    """A run in a list: its state in a word, and what happens next."""

    run: object
    label: str
    next_step: str
    products: int
    is_settled: bool


def run_lines(standings):
    return [_run_line(standing) for standing in standings]


def _run_line(standing):
    products = standing.mine.wants if standing.mine else 0
    return RunLine(standing.run, standing.label, next_step(standing), products, standing.is_settled)


@dataclass
class GroupCard:
    group: Group
    runs: list


def cards_of(user, standings):
    """The person's groups that are not archived, each with its open runs."""
    by_group = {}
    for standing in standings:
        by_group.setdefault(standing.run.group_id, []).append(_run_line(standing))
    return [GroupCard(group, by_group.get(group.pk, [])) for group in _groups(user.pk)]


@prepared
def _groups(user):
    return Group.objects.active().visible_to(user).order_by("name", "pk")
