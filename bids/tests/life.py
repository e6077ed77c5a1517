"""Random people do random things to a run: every action, with arguments that are right most of the time.

A method per action draws who does it and with what, and hands it to `attempt`, which checks the result.
"""

from decimal import Decimal

from django.db.models import Q

from accounts.actions import membership, people
from accounts.models import Membership, User
from bids import states
from bids.actions import bidding, costs, distribution, lead, packs, receipts, runs, shopping, stretch
from bids.actions.bidding import UNSEEN, Terms, Wish
from bids.actions.membership import leave_run
from bids.models import Allocation, Bid, Event, ExtraCost, Purchase, Receipt, Run, ShoppingItem, Split
from bids.reading.board import Board
from bids.reading.division import Division
from bids.reading.lines import lines_of
from bids.reading.packs import open_packs
from bids.reading.receipts import comparison_of
from bids.reading.sums import owed_by_person
from stores.models import Offer, Product, Store

from .life_of_money import Paying
from .trying import checksum, fits

ALWAYS = frozenset(states.RunState)
SELDOM = 1


class Life(Paying):
    def wish(self, person):
        product = self.product()
        bid = Bid.objects.filter(participation__run=self.run_id, participation__user=person, product=product).first()
        now = bid.quantity if bid else None
        some = product.step * self.dice.randint(1, 6)
        quantity = self.mostly(some, [None, Decimal(0), some + product.grain / 2, Decimal("0.3"), Decimal(100_000)])
        comment, terms = self.mostly(None, ["", "ripe ones"]), None
        if self.dice.random() < 0.4:
            limit = (quantity or some) + self.mostly(
                product.step * self.dice.randint(0, 4), [-product.step, Decimal("0.3")]
            )
            instead = self.mostly("", ["whatever", self.product().name])
            terms = Terms(self.mostly(limit, [None]), self.dice.random() < 0.3, instead)
        was = self.mostly(UNSEEN, [now, now, Decimal(7)], 0.6)
        return Wish(product.pk, quantity, comment, was=was, terms=terms)

    # --- Starting, choosing ------------------------------------------------------------------------
    @fits(*ALWAYS, weight=SELDOM)
    def start_run(self):
        known = set(Run.objects.values_list("pk", flat=True))
        store = self.mostly(self.run.store, Store.objects.exclude(currency=self.run.currency)[:1])
        member = self.member()
        self.attempt("start_run", lambda: runs.start_run(self.run.group, store=store, by=member))
        for pk in Run.objects.exclude(pk__in=known).values_list("pk", flat=True):
            self.look_at(pk)
            self.run_ids.append(pk)

    @fits(*states.OPEN, weight=SELDOM)
    def edit_run(self):
        version = self.mostly(runs.details_version(self.run), ["2026-01-01|other"])
        note_ = f"bring bags {self.dice.randint(1, 9)}"
        by = self.leader()
        self.attempt("edit_run", lambda: runs.edit_run(self.run, by=by, day=None, note=note_, version=version))

    @fits(*states.COLLECTING, weight=12)
    def place_bids(self):
        by = self.member()
        whose = self.mostly(None, self.people, 0.9)
        wishes = [self.wish(whose or by) for _ in range(self.dice.randint(1, 2))]
        self.attempt(
            "place_bids",
            lambda: bidding.place_bids(self.run, wishes, by=by, whose=whose),
            aims=[states.ACTIVE] if self.run.is_collecting else [],
        )

    @fits(*states.COLLECTING)
    def place_wish(self):
        whose = self.participant()
        by, wish = self.mostly(whose, [self.run.leader, *self.people]), self.wish(whose)
        self.attempt("place_wish", lambda: bidding.place_wish(self.run, wish, by=by, whose=whose))

    @fits(*states.COLLECTING)
    def undo_removal(self):
        """Remove something first: the page offers to undo right after that."""
        bid = self.any_of(Bid.objects.filter(participation__run=self.run_id).select_related("participation__user"))
        if bid and self.dice.random() < 0.7:
            gone, owner = [Wish(bid.product_id, Decimal(0))], bid.participation.user
            self.attempt("place_bids", lambda: bidding.place_bids(self.run, gone, by=owner))
        if event := Event.objects.filter(run=self.run_id, kind="order_removed").order_by("-pk").first():
            by = self.mostly(event.actor, self.people)
            self.attempt("undo_removal", lambda: bidding.undo_removal(self.run, event, by=by))

    @fits(*states.COLLECTING)
    def set_ready(self):
        by, ready = self.participant(), self.dice.random() < 0.7
        self.attempt("set_ready", lambda: bidding.set_ready(self.run, ready, by=by))

    @fits(*states.COLLECTING, weight=2)
    def leave_run(self):
        by = self.participant()
        self.attempt("leave_run", lambda: leave_run(self.run, by=by))

    # --- Packs -------------------------------------------------------------------------------------
    @fits(*states.COLLECTING, weight=2)
    def set_last_stretch(self):
        by, on = self.leader(), self.dice.random() < 0.5
        self.attempt("set_last_stretch", lambda: stretch.set_last_stretch(self.run, on, by=by))

    @fits(*states.COLLECTING, weight=2)
    def close_packs(self):
        """What people want gets a pack size first, so that there mostly is an open pack."""
        for product in Product.objects.filter(bids__participation__run=self.run_id).distinct():
            size = product.step * self.dice.randint(2, 5)
            Offer.objects.update_or_create(product=product, store=self.run.store, defaults={"pack_size": size})
        self.sums = checksum()
        choices = {0: ("drop", "")}
        for pack in open_packs(Board(self.run)):
            choices.pop(0, None)
            choice = self.dice.choice(["down" if pack.lowered else "drop", "drop", "keep"])
            choices[pack.row.product.pk] = choice, self.mostly(pack.fingerprint(), ["stale"], 0.9)
        by = self.leader()
        self.attempt("close_packs", lambda: packs.close_packs(self.run, choices, by=by))

    @fits(*states.COLLECTING, weight=2)
    def undo_packs(self):
        kinds = ("packs_rounded", "packs_dropped")
        if event := Event.objects.filter(run=self.run_id, kind__in=kinds).order_by("-pk").first():
            by = self.leader()
            self.attempt("undo_packs", lambda: packs.undo_packs(self.run, event, by=by))

    # --- From state to state -----------------------------------------------------------------------
    def move(self, action, *aims, chance=0.65, **arguments):
        by = self.mostly(self.run.leader, self.people, chance)
        self.attempt(action.__name__, lambda: action(self.run, by=by, **arguments), aims=aims)

    @fits(*states.COLLECTING)
    def lock_list(self):
        self.move(runs.lock_list, states.CONFIRMED)

    @fits(states.CONFIRMED, weight=2)
    def unlock_list(self):
        self.move(runs.unlock_list, states.ACTIVE)

    @fits(states.CONFIRMED)
    def start_shopping(self):
        self.move(runs.start_shopping, states.SHOPPING)

    @fits(states.SHOPPING, weight=2)
    def stop_shopping(self):
        self.move(shopping.stop_shopping, states.CONFIRMED)

    @fits(*ALWAYS - {states.CANCELLED}, weight=3)
    def call_off(self):
        self.move(runs.call_off, states.CANCELLED, chance=0.4)

    @fits(states.SHOPPING)
    def finish_shopping(self):
        lines = lines_of(self.run)
        bought = [line for line in lines if line.is_bought]
        is_sorted = not any(line.to_decide for line in bought) and not comparison_of(self.run).open
        to = states.DISTRIBUTING if is_sorted else states.ADJUSTING
        open_lines = sum(line.is_open for line in lines)
        self.move(
            shopping.finish_shopping,
            to if bought else states.COMPLETED,
            payer=self.participant(),
            open_lines=self.mostly(open_lines, [open_lines + 1]),
        )

    @fits(states.ADJUSTING)
    def finish_sorting(self):
        self.move(distribution.finish_sorting, states.DISTRIBUTING)

    @fits(states.ADJUSTING)
    def force_hand_out(self):
        seen = Division(self.run, lines_of(self.run)).fingerprint()
        self.move(distribution.force_hand_out, states.DISTRIBUTING, seen=self.mostly(seen, ["stale"]))

    @fits(states.ADJUSTING, states.DISTRIBUTING, states.COMPLETED, weight=2)
    def back_to_shopping(self):
        self.move(distribution.back_to_shopping, states.SHOPPING)

    @fits(states.DISTRIBUTING)
    def complete(self):
        waiting = distribution.not_picked_up(self.run).count()
        self.move(distribution.complete, states.COMPLETED, waiting=self.mostly(waiting, [waiting + 1]))

    @fits(states.COMPLETED, weight=2)
    def reopen_hand_out(self):
        self.move(distribution.reopen_hand_out, states.DISTRIBUTING)

    # --- The shop ----------------------------------------------------------------------------------
    @fits(states.SHOPPING, weight=12)
    def buy(self):
        lines = lines_of(self.run)
        if line := self.any_of([line for line in lines if line.is_open] or lines):
            shown, grain = line.item, line.product.grain
            more = grain * self.dice.randint(1, 3)
            quantity = self.mostly(line.wanted, [line.wanted + more, max(line.wanted - more, grain), grain / 2], 0.6)
            quantity, total = max(quantity, Decimal("0.01")), self.amount()
            seen, by = self.mostly(shown.version, [shown.version + 1], 0.9), self.shopper()
            self.attempt("buy", lambda: shopping.buy(shown, quantity=quantity, total=total, seen=seen, by=by))

    def purchase(self):
        purchases = Purchase.objects.filter(item__run=self.run_id).select_related("item__product", "price")
        return self.any_of(purchases.order_by("pk"))

    @fits(states.SHOPPING)
    def edit_purchase(self):
        if bought := self.purchase():
            new = {"quantity": bought.item.product.grain * self.dice.randint(1, 9), "total": self.amount()}
            new["seen"], by = self.mostly(bought.item.version, [-1]), self.shopper()
            self.attempt("edit_purchase", lambda: shopping.edit_purchase(bought, **new, by=by))

    @fits(states.SHOPPING)
    def undo_purchase(self):
        if bought := self.purchase():
            by = self.shopper()
            self.attempt("undo_purchase", lambda: shopping.undo_purchase(bought, by=by))

    @fits(states.SHOPPING)
    def set_not_there(self):
        if line := self.any_of(lines_of(self.run)):
            missing, by = self.dice.random() < 0.6, self.shopper()
            self.attempt("set_not_there", lambda: shopping.set_not_there(line.item, missing, by=by))

    @fits(states.SHOPPING, weight=2)
    def swap(self):
        """Somebody names a substitute first; not each is sold in the same unit."""
        bids = Bid.objects.filter(participation__run=self.run_id, quantity__isnull=False).order_by("pk")
        lines = ShoppingItem.objects.select_related("run", "product").filter(run=self.run_id)
        bid, other, by = self.any_of(bids), self.product(), self.shopper()
        if bid and bid.product_id != other.pk and (line := lines.filter(product=bid.product_id).first()):
            Bid.objects.filter(pk=bid.pk).update(substitute=other, substitute_text="")
            self.sums = checksum()
            self.attempt("set_not_there", lambda: shopping.set_not_there(line, True, by=self.run.leader))
            self.attempt("swap", lambda: shopping.swap(line, other, by=by))

    @fits(states.SHOPPING)
    def add_while_shopping(self):
        product, whose, by = self.product(), self.participant(), self.shopper()
        quantity = product.step * self.dice.randint(1, 3) + self.mostly(Decimal(0), [Decimal("0.01"), Decimal(99_998)])
        self.attempt(
            "add_while_shopping",
            lambda: shopping.add_while_shopping(self.run, product, quantity=quantity, whose=whose, by=by),
        )

    # --- Sorting out, money ------------------------------------------------------------------------
    @fits(states.ADJUSTING, weight=10)
    def sort_out(self):
        lines = lines_of(self.run)
        if line := self.any_of([line for line in lines if line.to_decide] or lines):
            bid, whose = self.any_of(line.bids), self.participant()
            if bid and (line.shortage or self.dice.random() < 0.5):
                whose = bid.participation.user
            mine = Bid.objects.filter(participation__run=self.run_id, participation__user=whose, product=line.product)
            now = mine.values_list("quantity", flat=True).first() or Decimal(0)
            change = min(line.shortage or line.surplus, line.product.grain * self.dice.randint(1, 300))
            fitting = max(now - change if line.shortage else now + change, Decimal(0))
            quantity = self.mostly(fitting, [Decimal(0), now + line.product.grain, now + 99, now / 2])
            quantity = quantity.quantize(Decimal("0.01"))
            was, by = self.mostly(now, [now + 1]), self.mostly(whose, [self.run.leader, *self.people])
            self.attempt(
                "sort_out",
                lambda: distribution.sort_out(self.run, line.product, quantity, was=was, by=by, whose=whose),
            )

    @fits(states.DISTRIBUTING)
    def set_picked_up(self):
        mine = self.participant()
        rows = list(Allocation.objects.filter(Q(bid__participation__user=mine), item__run=self.run_id))
        taken, by = self.dice.random() < 0.7, self.shopper()
        self.attempt("set_picked_up", lambda: distribution.set_picked_up(self.run, rows, taken, by=by))

    @fits(states.DISTRIBUTING, states.COMPLETED)
    def set_paid(self):
        part = self.any_of(self.run.participations.select_related("user"))
        owed = self.mostly(owed_by_person(self.run)[part.pk], [None, Decimal("1.23")])
        by, paid = self.mostly(self.run.payer or self.run.leader, self.people), self.dice.random() < 0.7
        self.attempt("set_paid", lambda: costs.set_paid(self.run, part.user, paid, owed=owed, by=by))

    @fits(*states.FROM_THE_SHOP_ON, weight=3)
    def add_extra_cost(self):
        amount = (self.amount(500) or Decimal(1)) * self.dice.choice([1, -1])
        by, label = self.shopper(), self.dice.choice(["Deposit", "Fuel"])
        cost = {"label": label, "amount": amount, "how": self.dice.choice(Split.values), "person": self.participant()}
        self.attempt("add_extra_cost", lambda: costs.add_extra_cost(self.run, **cost, by=by))

    @fits(*states.FROM_THE_SHOP_ON)
    def remove_extra_cost(self):
        if cost := self.any_of(ExtraCost.objects.filter(run=self.run_id).select_related("run")):
            by = self.shopper()
            self.attempt("remove_extra_cost", lambda: costs.remove_extra_cost(cost, by=by))

    @fits(*states.FROM_THE_SHOP_ON, weight=SELDOM)
    def add_receipt(self):
        wrong = self.amount(500) or Decimal(1)
        amount = self.mostly(max(comparison_of(self.run).total, wrong), [wrong])
        by, label = self.shopper(), self.dice.choice(["", "Till 4"])
        self.attempt("add_receipt", lambda: receipts.add_receipt(self.run, amount=amount, label=label, by=by))

    @fits(*states.FROM_THE_SHOP_ON)
    def remove_receipt(self):
        if receipt := self.any_of(Receipt.objects.filter(run=self.run_id).select_related("run")):
            by = self.shopper()
            self.attempt("remove_receipt", lambda: receipts.remove_receipt(receipt, by=by))

    def decide(self, action):
        seen, by = self.mostly(comparison_of(self.run).version, ["0.01"]), self.leader()
        self.attempt(action.__name__, lambda: action(self.run, seen=seen, by=by))

    @fits(states.ADJUSTING, states.DISTRIBUTING, weight=2)
    def split_difference(self):
        self.decide(receipts.split_difference)

    @fits(states.ADJUSTING, states.DISTRIBUTING, weight=2)
    def leave_to_payer(self):
        self.decide(receipts.leave_to_payer)

    @fits(states.ADJUSTING, states.DISTRIBUTING, weight=SELDOM)
    def take_back_difference(self):
        by = self.leader()
        self.attempt("take_back_difference", lambda: receipts.take_back_difference(self.run, by=by))

    @fits(states.ADJUSTING, states.DISTRIBUTING, weight=2)
    def correct_total(self):
        if bought := self.purchase():
            total, was, by = self.amount(), self.mostly(bought.total, [bought.total + 1]), self.leader()
            self.attempt("correct_total", lambda: costs.correct_total(bought, total, was=was, by=by))

    # --- Who leads, who helps ----------------------------------------------------------------------
    @fits(*states.OPEN, weight=2)
    def set_helper(self):
        user, helps, by = self.member(), self.dice.random() < 0.7, self.leader()
        self.attempt("set_helper", lambda: lead.set_helper(self.run, user, helps, by=by))

    @fits(*states.OPEN, weight=2)
    def offer_lead(self):
        user, by = self.participant(), self.leader()
        self.attempt("offer_lead", lambda: lead.offer_lead(self.run, user, by=by))

    @fits(*states.OPEN, weight=SELDOM)
    def withdraw_lead_offer(self):
        by = self.leader()
        self.attempt("withdraw_lead_offer", lambda: lead.withdraw_lead_offer(self.run, by=by))

    @fits(*states.OPEN, weight=SELDOM)
    def decline_lead(self):
        by = self.mostly(self.run.lead_offered_to or self.run.leader, self.people)
        self.attempt("decline_lead", lambda: lead.decline_lead(self.run, by=by))

    @fits(*states.OPEN, weight=2)
    def accept_lead(self):
        by = self.mostly(self.run.lead_offered_to or self.run.leader, self.people)
        self.attempt("accept_lead", lambda: lead.accept_lead(self.run, by=by))

    # --- The group ---------------------------------------------------------------------------------
    def admin(self):
        admins = Membership.objects.filter(group=self.run.group_id, is_admin=True).select_related("user")
        return self.mostly(self.any_of(membership.user for membership in admins) or self.run.leader, self.people)

    @fits(*ALWAYS, weight=2)
    def end_membership(self):
        user = self.member()
        by = self.mostly(self.admin(), [user], 0.6)
        self.attempt("end_membership", lambda: membership.end_membership(self.run.group_id, user.pk, by=by))

    @fits(*ALWAYS, weight=2)
    def join_group(self):
        outside = User.objects.filter(pk__in=[user.pk for user in self.people])
        by = self.any_of(outside.exclude(memberships__group=self.run.group_id)) or self.any_of(self.people)
        token = self.mostly(self.run.group.join_token, ["dead"])
        self.attempt("join_group", lambda: membership.join_group(token, by=by))

    @fits(*ALWAYS, weight=SELDOM)
    def change_role(self):
        user, by, is_admin = self.member(), self.admin(), self.dice.random() < 0.7
        self.attempt(
            "change_role", lambda: membership.change_role(self.run.group_id, user.pk, by=by, is_admin=is_admin)
        )

    @fits(*ALWAYS, weight=SELDOM)
    def close_account(self):
        by = self.any_of(self.people)
        self.attempt("close_account", lambda: people.close_account(by=by))
