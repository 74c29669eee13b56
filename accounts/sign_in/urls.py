"""The addresses of signing up and in: allauth's, with sign-up in one transaction."""

from allauth.account import views
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponseBase
from django.urls import include, path


def signup(request: HttpRequest) -> HttpResponseBase:
    """Make a person with their account, or nothing of it."""
    try:
        with transaction.atomic():
            return views.signup(request)
    except IntegrityError:
        # Somebody signed up with the address since the form was checked: now it says so.
        with transaction.atomic():
            return views.signup(request)


urlpatterns = [path("signup/", signup, name="account_signup"), path("", include("allauth.urls"))]
