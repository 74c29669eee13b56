"""Pages of usage."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.pages import member_page


@member_page()
def overview(request: HttpRequest) -> HttpResponse:
    return render(request, "usage/overview.html")
