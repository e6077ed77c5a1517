"""What was marked as paid becomes confirmed payments: the same sums, by the same people, at the same times.

Very old marks, of runs that went back to the shop, counted nowhere: they become payments that were taken back.
"""

from django.db import migrations
from django.utils import timezone

WITH_DEBTS = ("distributing", "completed")


def make_payments(apps, _schema_editor):
    Participation, Payment, PaymentPart, JournalEntry = (
        apps.get_model("bids", name) for name in ("Participation", "Payment", "PaymentPart", "JournalEntry")
    )
    # Going back keeps the payments, as long as their tables stay: what they cover is not marked again.
    marked = Participation.objects.filter(paid_amount__isnull=False, payment_parts=None).select_related("run")
    for person in marked.order_by("pk"):
        run, amount = person.run, person.paid_amount
        receiver = run.payer_id or run.leader_id
        counts = bool(amount) and run.state in WITH_DEBTS and receiver != person.user_id
        if receiver != person.user_id:
            by, at = person.paid_marked_by_id or receiver, person.paid_at
            people = {"sender_id": person.user_id, "receiver_id": receiver, "created_by_id": by}
            state = "confirmed" if counts else "taken_back"
            sums = {"amount": amount, "said_amount": amount, "is_mark": True, "state": state, "created_at": at}
            sums["day"] = timezone.localdate(at)
            payment = Payment.objects.create(group_id=run.group_id, **people, **sums)
            if counts:
                PaymentPart.objects.create(payment=payment, participation=person, amount=amount)
            for kind in ("marked",) if counts else ("marked", "taken_back"):
                JournalEntry.objects.create(
                    group_id=run.group_id,
                    payment=payment,
                    kind=kind,
                    actor_id=by,
                    subject_id=receiver if by == person.user_id else person.user_id,
                    amount=amount,
                    at=at,
                )
        if not counts:
            person.paid_amount = person.paid_at = person.paid_marked_by = None
            person.save(update_fields=["paid_amount", "paid_at", "paid_marked_by"])


def forget_notifications(apps, _schema_editor):
    """Without the journal they say nothing. What is marked as paid stays as it is."""
    apps.get_model("bids", "Notification").objects.filter(entry__isnull=False).delete()


class Migration(migrations.Migration):
    dependencies = [("bids", "0010_payments")]

    operations = [migrations.RunPython(make_payments, forget_notifications)]
