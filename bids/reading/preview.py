"""What a forced hand-out would give everyone, and what they would pay for it."""

from bids.models.runs import Participation

from .division import Division
from .why import whys_of_division


class Preview:
    """Each person with their total and its way, and which lines are forced."""

    def __init__(self, run, lines):
        self.division = Division(run, lines)
        self.fingerprint = self.division.fingerprint()
        self.differing = [line.product for line in lines if line.to_decide]
        people, whys = (
            Participation.objects.filter(run=run).select_related("user").by_name(),
            whys_of_division(self.division),
        )
        self.people = [(person.user, whys[person.pk]) for person in people if person.pk in whys]
