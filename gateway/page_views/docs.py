"""Docs."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.pages import member_page


@member_page()
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "gateway/docs.html")
