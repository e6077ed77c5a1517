"""Brings a catalogue from a text, and says what came of it."""

import io

import pytest

from bulq.kit.errors import BulqError
from stores.importing import bring
from stores.models import Category, Offer, Price, Product, Store

EAN = "4006381333931"


def brought(store, content, *, written_in="utf-8", **options):
    """The report of bringing bytes, or a text in an encoding."""
    data = content if isinstance(content, bytes) else content.encode(written_in)
    return bring(io.BytesIO(data), store, **options)


def counts(report):
    return {name: number for name, number in report.counts.items() if number}


def refusal(store, content, **options):
    with pytest.raises(BulqError) as error:
        brought(store, content, **options)
    return error.value.message


def reasons(store, *lines, header="name,unit,price"):
    return [reason for _number, reason in brought(store, "\n".join([header, *lines])).reasons]


def everything():
    """Every row of the catalogue, without the tokens of its lists."""
    hidden = {"generation"}
    return {
        model: [{k: v for k, v in row.items() if k not in hidden} for row in model.objects.order_by("pk").values()]
        for model in (Store, Product, Offer, Price, Category)
    }
