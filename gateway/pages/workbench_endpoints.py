"""What can be tried in the workbench: each endpoint that takes a session, with the view that carries it.

What a body may hold, and how its form is laid out, the view says itself; a task's form is made from its model's
declaration.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gateway.api.chat.views import ChatView
from gateway.endpoints import BY_ADDRESS, BY_NAME, CHAT, TASK_ENDPOINTS
from gateway.http.endpoint_view import EndpointView
from gateway.http.form_view import FormEndpointView
from gateway.openapi.presentation import GROUP_NAMES, TASKS, presented_views


@dataclass(frozen=True, slots=True)
class WorkbenchEndpoint:
    """`slug` names it in the page's address, `endpoint` in the catalog. A task's has no view of a contract.

    `main` are the fields shown first, `other_names` those that a form leaves out because they say the same as
    another, or can only be refused.
    """

    slug: str
    name: str | Promise
    group: Promise
    path: str
    endpoint: str
    view: Callable[[], ChatView | EndpointView] | None = None
    main: tuple[str, ...] = ()
    other_names: frozenset[str] = frozenset()
    method: str = "post"
    accepts: str = ""

    @property
    def is_task(self) -> bool:
        return self.view is None

    @property
    def is_chat(self) -> bool:
        return self.endpoint == CHAT

    @property
    def file_field(self) -> str:
        """The form's file; empty for an endpoint whose body is JSON."""
        view = self.view and self.view()
        return view.file_field if isinstance(view, FormEndpointView) else ""

    @property
    def size_limit_bytes(self) -> int:
        """The largest form it takes; 0 for JSON."""
        size_limit = BY_NAME[self.endpoint].size_limit
        return 0 if size_limit is None else size_limit.value()

    @property
    def has_body(self) -> bool:
        return self.method == "post"


def _answered_at_once() -> list[WorkbenchEndpoint]:
    """Those whose views say how their forms are laid out, group by group."""
    views: Iterable[tuple[tuple[str, str], Any]] = presented_views().items()
    shown = [(where, view, view.workbench_form) for where, view in views if view.workbench_form is not None]
    return [
        WorkbenchEndpoint(
            form.slug,
            _(form.name),
            GROUP_NAMES[form.group],
            path,
            BY_ADDRESS[method, path].name,
            view,
            form.main,
            form.other_names,
            method,
            form.accepts,
        )
        for (method, path), view, form in sorted(shown, key=lambda each: (each[2].group, each[2].place))
    ]


ENDPOINTS = (
    *_answered_at_once(),
    *(
        WorkbenchEndpoint(each.name, each.label, GROUP_NAMES[TASKS], each.addresses[0].path, each.name)
        for each in TASK_ENDPOINTS
    ),
)
BY_SLUG = {endpoint.slug: endpoint for endpoint in ENDPOINTS}
