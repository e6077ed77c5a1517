"""Pages over many runs: home, a group, one person's runs and money."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import get_group, get_group_administered_by
from bids.actions.membership import archive_group
from bids.reading.jobs import cards_of, jobs_of, run_lines
from bids.reading.money import nets_of
from bids.reading.own_data import everything_about
from bids.reading.personal import figures_of
from bids.reading.savings import saved_in, spent_by
from bids.reading.standing import open_runs_at, open_runs_of, standings
from stores.access import get_store
from stores.views.stores import store_context

JOBS_SHOWN = 5
RUNS_SHOWN = 20


@require_GET
def home(request):
    """What needs me, over all groups; then the groups with their open runs."""
    found = standings(open_runs_of(request.user.pk), request.user).values()
    context = {"jobs": jobs_of(request.user, found)[:JOBS_SHOWN], "groups": cards_of(request.user, found)}
    return render(request, "bids/home.html", context)


@require_GET
def group(request, group_id):
    group = get_group(request.user, group_id)
    ended = Paginator(group.runs.ended().with_names().newest_first(), RUNS_SHOWN)
    page = ended.get_page(request.GET.get("page"))
    open_runs = list(group.runs.open().with_names().newest_first())
    found = standings([*open_runs, *page.object_list], request.user)
    context = {
        "group": group,
        "open_runs": run_lines(found[run.pk] for run in open_runs),
        "ended_runs": run_lines(found[run.pk] for run in page.object_list),
        "page": page,
        "saved": saved_in(page.object_list),
        "members": group.memberships.select_related("user").order_by("user__name", "user_id"),
    }
    return render(request, "bids/group.html", context)


@require_GET
def store(request, store_id):
    """The catalogue of a store, and the open runs there that the reader may see."""
    store = get_store(store_id)
    open_runs = open_runs_at(store.pk, request.user.pk)
    return render(request, "stores/store.html", store_context(request, store) | {"open_runs": open_runs})


@require_http_methods(["GET", "POST"])
def group_archive(request, group_id):
    group = get_group_administered_by(request.user, group_id)
    if request.method == "POST":
        archive_group(group, by=request.user)
        messages.success(request, _("The group is archived."))
        return redirect("group", group.pk)
    return render(request, "bids/group_archive.html", {"group": group})


@require_GET
def me(request):
    """The reader's figures, and what they owe and are owed over all runs, former groups included."""
    user = request.user
    context = {"figures": figures_of(user), "nets": nets_of(user), "spent": spent_by(user)}
    return render(request, "bids/me.html", context)


@require_GET
def me_data(request):
    response = JsonResponse(everything_about(request.user), json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = 'attachment; filename="bulq-me.json"'
    return response
