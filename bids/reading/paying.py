"""How a debtor pays someone. The only way to an account number of another person."""

from dataclasses import dataclass

from accounts.models import HowToPay, User
from bulq.kit.bank import in_groups
from bulq.kit.money import minor_digits
from bulq.kit.paycodes import Transfer, with_code

from .sums import debts_of


@dataclass(frozen=True)
class WayToPay:
    """`text` is what the creditor says; without an account number `transfer` is None, and often there is no `code`."""

    creditor: User
    text: str
    transfer: Transfer | None
    code: dict | None

    @property
    def groups(self):
        return in_groups(self.transfer.account)

    @property
    def plain_amount(self):
        """As a bank's form takes it: `1200.50`."""
        return f"{self.transfer.amount:.{minor_digits(self.transfer.currency)}f}"


def may_see_how_to_pay(debtor, creditor):
    """Whether `debtor` owes `creditor` something, of any run: so both are or were in its group."""
    return any(debt.creditor == creditor for debt in debts_of(debtor)[0])


def ways_to_pay(ledger, reader):
    """How the reader of a run's page pays, by whose card says so: their own, or as the payer that of who gets back."""
    run, mine = ledger.run, ledger.mine
    if run.payer_id == reader.pk:
        owed = {account.user: (account.user, account.gets_back) for account in ledger.accounts if account.gets_back}
    else:
        owed = {reader: (run.payer, mine.still_owes)} if mine and mine.still_owes else {}
    return {
        whose.pk: way_to_pay(reader, creditor, amount, run.currency, run=run)
        for whose, (creditor, amount) in owed.items()
    }


def ways_for(nets):
    """How the reader of `nets` pays whom they owe, or whom they say to have paid, by the net's key."""
    owed = [net for net in nets if net.owes or net.sent]
    kept = {row.user_id: row for row in HowToPay.objects.filter(user__in={net.person.pk for net in owed})}
    return {
        net.key: _way(net.user, net.person, net.owes or net.sent, net.currency, kept.get(net.person.pk)) for net in owed
    }


def way_to_pay(debtor, creditor, amount, currency, *, run=None):
    """How `debtor` pays `amount` to `creditor` for a run; None if they owe nothing."""
    if not may_see_how_to_pay(debtor, creditor):
        return None
    return _way(debtor, creditor, amount, currency, HowToPay.objects.filter(user=creditor).first(), run=run)


def _way(debtor, creditor, amount, currency, kept, *, run=None):
    kept = kept or HowToPay()
    if not kept.account:
        return WayToPay(creditor, kept.text, None, None)
    purpose = " ".join(["Bulq", *([str(run.pk)] if run else []), debtor.name])
    transfer, code = with_code(Transfer(creditor.name, kept.account, kept.bic, amount, currency, purpose))
    return WayToPay(creditor, kept.text, transfer, code)
