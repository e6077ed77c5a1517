"""People of the journey: each with a browser of their own, with or without scripts."""

from decimal import Decimal

from playwright.sync_api import expect

from stores.models import Product

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


class Person:
    def __init__(self, name, context, base, *, scripts):
        self.name, self.base, self.scripts = name, base, scripts
        self.page = context.new_page()

    def go(self, path):
        self.page.goto(self.base + path)

    def send(self, button):
        """Press a button that posts a form, and wait until the answer is on the page."""
        if self.scripts:
            self.page.evaluate("document.body.dataset.before = 1")
            button.click()
            expect(self.page.locator("body[data-before]")).to_have_count(0, timeout=15_000)
        else:
            with self.page.expect_navigation():
                button.click()

    def press(self, name, within=None):
        self.send((within or self.page).get_by_role("button", name=name, exact=True))

    def fill(self, label, value, within=None):
        (within or self.page).get_by_label(label, exact=False).first.fill(value)

    def sees(self, text):
        expect(self.page.locator("body")).to_contain_text(text)

    def text(self):
        return self.page.locator("main").inner_text()

    # --- Getting in --------------------------------------------------------------------------------
    def register(self, path="/register/"):
        self.go(path)
        self.fill("Name", self.name)
        self.fill("Username", self.name.lower())
        passwords = self.page.locator("input[type=password]")
        for n in range(passwords.count()):
            passwords.nth(n).fill("four pots of honey")
        with self.page.expect_navigation():
            self.page.get_by_role("button", name="Create my account").click()

    # --- Choosing ----------------------------------------------------------------------------------
    def order(self, run, wishes):
        """Enter amounts on the page that adds products."""
        for name, amount in wishes.items():
            product = Product.objects.get(name=name)
            self.go(f"{run}add/?q={name}")
            field = self.page.locator(f"[name=q-{product.pk}]")
            if self.scripts:
                line = self.page.locator(f".qty[data-line='{product.pk}']")
                if not field.is_visible():
                    line.locator(".add-btn").click()
                field.fill(amount)
                field.press("Tab")
                expect(line).to_have_attribute("data-was", amount.replace(",", "."), timeout=15_000)
            else:
                field.fill(amount)
                with self.page.expect_navigation():
                    self.page.get_by_role("button", name="Save", exact=True).click()

    # --- Reading -----------------------------------------------------------------------------------
    def totals(self):
        """Everyone's total as the table “How it adds up” shows it, and the sum in its footer."""
        rows = self.page.locator(".balances tbody tr")
        shown = {}
        for n in range(rows.count()):
            cells = rows.nth(n).inner_text().split("\t")
            shown[rows.nth(n).locator("th").inner_text().strip().split("\n")[-1].strip()] = cents(cells[-1])
        return shown, cents(self.page.locator(".balances tfoot tr").inner_text().split("\t")[-1])


def cents(text):
    """`€1,234.50` as 123450."""
    return int(Decimal(text.strip().lstrip("€").replace(",", "")) * 100)
