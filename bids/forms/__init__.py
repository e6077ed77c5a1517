"""What people type about a run. The actions do arithmetic and check rights."""

from .choosing import (
    OrderLines,
    PersonForm,
    RunDetailsForm,
    RunForm,
    WishForm,
    pressed_button,
    read_order,
    written_terms,
)
from .closing import ClosingFields, ClosingForm, UnlockForm
from .distribution import ExtraCostForm, ReceiptForm, SortOutForm, TotalForm
from .payments import ArrivedForm, NotArrivedForm, PaymentForm
from .shopping import AddInShopForm, FinishForm, PriceForm, PurchaseForm

__all__ = [
    "AddInShopForm",
    "ArrivedForm",
    "ClosingFields",
    "ClosingForm",
    "ExtraCostForm",
    "FinishForm",
    "NotArrivedForm",
    "OrderLines",
    "PaymentForm",
    "PersonForm",
    "PriceForm",
    "PurchaseForm",
    "ReceiptForm",
    "RunDetailsForm",
    "RunForm",
    "SortOutForm",
    "TotalForm",
    "UnlockForm",
    "WishForm",
    "pressed_button",
    "read_order",
    "written_terms",
]
