"""An operator's day, from docs/operations.md: install, first admin, a run, backup, upgrade, back, another machine."""

import re
import shutil

import psycopg
import pytest

from .load import load
from .machine import DOMAIN, ROOT, machine, session_in
from .operator import ANSWERS, Operator, blocks, git, release, titles

pytestmark = pytest.mark.slow
COUNTS = "SELECT (SELECT count(*) FROM bids_event), (SELECT count(*) FROM accounts_user)"
LAST = max(file.stem for file in (ROOT / "stores/migrations").glob("0*.py"))
MIGRATION = f"""from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("stores", "{LAST}")]
    operations = [migrations.RunSQL("CREATE TABLE stores_extra ()", "DROP TABLE stores_extra")]
"""
IMPOSSIBLE = MIGRATION.replace(LAST, "9998_extra").replace("CREATE TABLE stores_extra ()", "SELECT 1/0")


def fill_in(project):
    """Fill in what the manual leaves to a person."""
    file = project / ".env"
    lines = {"DOMAIN": DOMAIN, "EMAIL_URL": "dummymail://", "BACKUP_ALERT_EMAILS": "operator@bulq.example"}
    lines |= {"RATE_LIMIT_GENERAL": "100000/m", "GROUPS_PER_USER": "100000"}  # for people who use the site all the time
    text = file.read_text()
    for name, value in lines.items():
        text, found = re.subn(rf"^#?{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        assert found == 1, name
    file.write_text(text)


def ask(site, question):
    with psycopg.connect(site.environment("web")["DATABASE_URL"]) as link:
        return link.execute(question).fetchall()


def style_of(page):
    return re.search(rb'href="(/static/css/app\.[0-9a-f]{12}\.css)"', page)[1].decode()


def a_run(site, olga):
    """A group, a store, a product and a run with an order, by the forms."""

    def post(path, **fields):
        status, headers, body = site.ask("POST", path, fields, cookies=olga)
        assert status == 302, re.sub(rb"<[^>]+>|\s+", b" ", body)[-3000:]
        return headers["Location"]

    group = post("/groups/new/", name="Thursday Club", currency="EUR").removesuffix("people/")
    post("/stores/new/", name="Metro", currency="EUR")
    post("/products/new/", name="Olive oil", unit="L", kind="divisible", step="0.5")
    [[store]], [[product]] = ask(site, "SELECT id FROM stores_store"), ask(site, "SELECT id FROM stores_product")
    run = post(f"{group}runs/new/", store=store).removesuffix("add/")  # a new run leads to the page for choosing
    post(f"{run}order/", **{f"q-{product}": "2.5", f"was-{product}": ""})
    assert ask(site, "SELECT quantity FROM bids_bid") == [(pytest.approx(2.5),)]
    return run


def test_an_operators_day(tmp_path):
    before = release(tmp_path / "origin")
    project = tmp_path / "bulq"
    git(tmp_path, "clone", "--quiet", "origin", "bulq")

    with machine(project) as site:
        operator = Operator(site)
        operator.follow("First install")
        assert (project / ".env").stat().st_mode & 0o777 == 0o600
        fill_in(project)
        made = operator.follow("First install", 1)
        assert "Superuser created successfully." in made
        olga = site.log_in("root", ANSWERS["Password"])
        assert site.ask("GET", "/admin/", cookies=olga)[0] == 302  # a second factor is asked for
        assert site.ask("GET", "/admin/second-factor-set-up/", cookies=olga)[0] == 200
        run = a_run(site, olga)

        # A new release: another style, one more migration. A page of the old one is open meanwhile.
        page = site.ask("GET", run, cookies=olga)[2]
        newer = {"static/css/app.css": (ROOT / "static/css/app.css").read_text() + "/* newer */\n"}
        release(tmp_path / "origin", **newer, **{"stores/migrations/9998_extra.py": MIGRATION})
        with load(site, run, olga):
            operator.follow("Upgrade")
        new_page = site.ask("GET", run, cookies=olga)[2]
        assert style_of(new_page) != style_of(page)
        old, new = (site.ask("GET", style_of(text)) for text in (page, new_page))
        assert (old[0], new[0]) == (200, 200)
        assert new[2].endswith(b"/* newer */\n")
        assert not old[2].endswith(b"/* newer */\n")
        assert ask(site, "SELECT to_regclass('stores_extra') IS NULL") == [(False,)]

        # A release whose migrations fail does not replace it, and nobody notices.
        processes = {name: child.process.pid for name, child in site.children.items()}
        release(tmp_path / "origin", **{"stores/migrations/9999_impossible.py": IMPOSSIBLE})
        with load(site, run, olga):
            assert "division by zero" in operator.follow("Upgrade", fails=True)
        assert {name: child.process.pid for name, child in site.children.items()} == processes

        # Back to the previous release, with its tables.
        operator.follow("Roll back", 1, APP="stores", NUMBER=LAST)
        operator.follow("Roll back", BEFORE=before)
        assert ask(site, "SELECT to_regclass('stores_extra') IS NULL") == [(True,)]
        assert style_of(site.ask("GET", run, cookies=olga)[2]) == style_of(page)

        was = site.environment("web")["SECRET_KEY"]
        operator.follow("Rotate the secret key")
        assert site.environment("web")["SECRET_KEY"] != was
        status, headers, _body = site.ask("GET", run, cookies=olga)
        assert status == 200  # nobody is logged out
        olga = session_in(headers)

        log = operator.follow("Logs")
        assert '"route": "runs/<int:run_id>/"' in log

        operator.follow("Move to a new machine")
        counted = ask(site, COUNTS)

        # Copy the folder over, as `tar` would.
        there = tmp_path / "there" / "bulq"
        shutil.copytree(project, there)
        with machine(there) as other:
            operator, followed = Operator(other), operator.followed
            output = operator.follow("Move to a new machine", 1)
            assert "All sums, states and references are correct." in output
            assert ask(other, COUNTS) == counted
            assert b"Olive oil" in other.ask("GET", run, cookies=olga)[2]  # still logged in
            assert other.ask("GET", "/health/backup")[0] == 200
            operator.follow("End all sessions")
            status, headers, _body = other.ask("GET", run, cookies=olga)
            assert (status, headers["Location"]) == (302, f"/login/?next={run}")
            # No block of the manual about Docker was left out.
            assert followed | operator.followed == {(title, n) for title in titles() for n in range(len(blocks(title)))}
