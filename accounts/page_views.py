"""Pages of accounts."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts.pages import member_page, switch_account


def home(request: HttpRequest) -> HttpResponse:
    """The overview for who is signed in, the way in for everybody else."""
    if request.user.is_authenticated:
        return redirect("overview")
    return render(request, "accounts/home.html")


def no_account(request: HttpRequest) -> HttpResponse:
    """For who is signed in and belongs to no account."""
    return render(request, "accounts/no_account.html")


@require_POST
@member_page()
def switch(request: HttpRequest) -> HttpResponse:
    """Make the pages about another account of the member's."""
    switch_account(request, request.POST.get("account", ""))
    return redirect("overview")


@member_page()
def keys(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/keys.html")


@member_page()
def team(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/team.html")


@member_page()
def member_settings(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/settings.html")
