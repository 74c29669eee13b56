"""The way in: the home page, the page of who belongs to no account, and the switch between accounts."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts.models import Membership, User
from accounts.page_context import member_page, switch_account

FIRST_CALL = """curl {base}/v1/chat/completions \\
  -H "Authorization: Bearer $AIO_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "gemini", "messages":
       [{{"role": "user", "content": "Hello!"}}]}}'"""


def home(request: HttpRequest) -> HttpResponse:
    """The overview for who is signed in, the way in for everybody else."""
    if request.user.is_authenticated:
        return redirect("overview")
    base = settings.PUBLIC_URL.rstrip("/") or request.build_absolute_uri("/").rstrip("/")
    return render(request, "accounts/home.html", {"first_call": FIRST_CALL.format(base=base)})


def no_account(request: HttpRequest) -> HttpResponse:
    """For who is signed in and belongs to no account."""
    if not isinstance(request.user, User):
        return redirect("home")
    if Membership.objects.filter(user=request.user).exists():
        return redirect("overview")
    return render(request, "accounts/no_account.html")


@require_POST
@member_page()
def switch(request: HttpRequest) -> HttpResponse:
    """Make the pages about another account of the member's."""
    switch_account(request, request.POST.get("account", ""))
    return redirect("overview")
