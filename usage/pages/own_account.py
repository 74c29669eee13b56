"""An account for who is signed in and belongs to none."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.models import User
from usage.sign_up import open_own_account


@require_POST
def open_account(request: HttpRequest) -> HttpResponse:
    """Open it; who has one already is only sent to it."""
    if not isinstance(request.user, User):
        return redirect("home")
    open_own_account(request.user)
    return redirect("overview")
