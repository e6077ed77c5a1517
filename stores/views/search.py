from django.shortcuts import render
from django.views.decorators.http import require_safe

from stores.reading import find


@require_safe
def search(request):
    """Products, stores and the reader's groups; works without scripts."""
    return render(request, "stores/search.html", {"findings": find(request.user, request.GET.get("q", ""))})


@require_safe
def search_suggestions(request):
    """The options of a search box in which something is being typed."""
    return render(request, "stores/_suggestions.html", {"findings": find(request.user, request.GET.get("q", ""))})
