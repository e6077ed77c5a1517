"""What needs a person, over all their runs, the most urgent first; what home and group pages tell of a run."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto

from accounts.models import Group
from bids import states
from bids.models.runs import Run
from bulq.kit.prepared import prepared

from .guidance import next_step
from .money import can_answer, nets_of
from .sums import ZERO


class JobKind(Enum):
    """What the person is to do; `bids/templatetags/jobs.py` has the words."""

    ANSWER = auto()
    START_CHOOSING = auto()
    GO_ON_CHOOSING = auto()
    LOCK = auto()
    GO_SHOPPING = auto()
    SHOP = auto()
    SORT_OUT = auto()
    START_HAND_OUT = auto()
    HAND_OUT = auto()
    FINISH = auto()
    PICK_UP = auto()
    SAY_IF_ARRIVED = auto()
    PAY = auto()
    GET_PAID = auto()


@dataclass
class Job:
    """Something a person has to do in a run, or without one over all runs of a group, in money.

    `label` is the run's state in a word, `person` and `amount` are the other party.
    """

    urgency: int
    kind: JobKind
    run: Run | None = None
    label: str = ""
    person: str = ""
    amount: Decimal = ZERO
    group: Group | None = None


def jobs_of(user, standings):
    """`standings` are those of the person's open runs."""
    jobs = [job for standing in standings if (job := _job_in(standing))]
    jobs += _money_jobs(user)
    return sorted(jobs, key=lambda job: job.urgency)


def _job_in(standing):
    run, mine = standing.run, standing.mine
    if run.lead_offered_to_id == standing.user.pk:
        return Job(0, JobKind.ANSWER, run, person=run.leader.name)
    if found := _leader_job(standing) if standing.leads else None:
        return Job(*found, run, standing.label)
    if run.state == states.ADJUSTING and standing.can_decide:
        return Job(1, JobKind.SORT_OUT, run, standing.label)
    if run.state == states.DISTRIBUTING and mine and standing.waits(mine):
        return Job(2, JobKind.PICK_UP, run)
    if run.is_collecting and not (mine and mine.is_ready):
        return Job(4, JobKind.GO_ON_CHOOSING if mine and mine.wants else JobKind.START_CHOOSING, run)
    return None


def _leader_job(standing):
    """Urgency and kind of what only the leader can do now."""
    state = standing.run.state
    if standing.run.is_collecting:
        all_done = standing.is_wanted and not standing.others_choosing and standing.mine and standing.mine.is_ready
        return (2, JobKind.LOCK) if all_done else None
    if state == states.ADJUSTING and not standing.to_decide and not standing.difference:
        return 1, JobKind.START_HAND_OUT
    if state == states.DISTRIBUTING and not standing.waiting:
        return 1, JobKind.FINISH
    return LEADER_JOBS.get(state)


LEADER_JOBS = {
    states.CONFIRMED: (2, JobKind.GO_SHOPPING),
    states.SHOPPING: (0, JobKind.SHOP),
    states.ADJUSTING: (1, JobKind.SORT_OUT),
    states.DISTRIBUTING: (1, JobKind.HAND_OUT),
}


def _money_jobs(user):
    """Payments to answer, what is owed to each friend, and what is owed to the person in each group."""
    due = {}
    for net in nets_of(user):
        for payment in net.said:
            if can_answer(payment, user):
                yield _money_job(1, JobKind.SAY_IF_ARRIVED, net, payment.amount)
        if net.owes:
            yield _money_job(3, JobKind.PAY, net, net.owes)
        if net.gets:
            job = due.setdefault(net.group.pk, _money_job(5, JobKind.GET_PAID, net, ZERO))
            job.amount += net.gets
    yield from due.values()


def _money_job(urgency, kind, net, amount):
    return Job(urgency, kind, person=net.person.name, amount=amount, group=net.group)


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
