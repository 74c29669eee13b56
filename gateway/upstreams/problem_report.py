"""What staff have to see to at upstreams, as a staff report. As of now."""

from collections import Counter

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.models import UpstreamProblem
from usage.reports import Report, ReportKind, ReportQuery, add_report
from usage.reports.report_query import MAX_LIMIT
from usage.reports.shape import Column, Kind, group
from usage.snapshot import snapshot

NAME = "upstream_problems"
TITLE = _("Upstreams to see to")
SHOWN_HOURS = 24
WHAT_WORDS: dict[str, Promise] = {
    UpstreamProblem.Kind.NOT_WELCOME: gettext_lazy("does not take our key, address or model"),
    UpstreamProblem.Kind.UNASKED: gettext_lazy("sent what nobody asked for"),
}
COLUMNS = (
    group("upstream", _("Upstream")),
    group("route", _("Route")),
    Column("what", _("What"), Kind.TEXT, words=WHAT_WORDS),
    Column("status", _("Status"), Kind.COUNT),
    Column("times", _("Times"), Kind.COUNT),
    Column("first_at", _("First"), Kind.TIMESTAMP),
    Column("last_at", _("Last"), Kind.TIMESTAMP),
    Column("request_id", _("Request"), Kind.TEXT),
)
# One that is not welcome stays until its route answers; the other kind has no such end.
_ROWS_SQL = """
    SELECT upstream, route, kind AS what, status, times, first_at, last_at, request_id
    FROM gateway_upstreamproblem
    WHERE (kind = %(stays)s OR last_at > %(as_of)s::timestamptz - make_interval(hours => %(hours)s))
        AND (%(upstream)s::text IS NULL OR upstream = %(upstream)s)
        AND (%(route)s::text IS NULL OR route = %(route)s)
    ORDER BY last_at DESC, upstream, route LIMIT %(limit)s
"""


def upstream_problems(query: ReportQuery) -> Report:
    """The newest first."""
    query.grouping((), ())
    query.take_only(_("Upstreams to see to are those of now"), "upstream", "route")
    with snapshot() as books:
        rows = books.rows(
            _ROWS_SQL,
            {
                "stays": UpstreamProblem.Kind.NOT_WELCOME,
                "hours": SHOWN_HOURS,
                "as_of": books.as_of,
                "upstream": query.which.upstream,
                "route": query.which.route,
                "limit": query.limit + 1,
            },
        )
    for row in rows:
        row["ids"] = {}
        for name in ("first_at", "last_at"):
            row[name] = row[name].astimezone(query.zone)
    return Report(
        NAME,
        TITLE,
        books.as_of,
        None,
        COLUMNS,
        rows[: query.limit],
        {"times": sum(row["times"] for row in rows[: query.limit])},
        is_cut=len(rows) > query.limit,
        zone=query.zone,
        zone_name=query.zone_name,
    )


def open_problems() -> Counter[str]:
    """How many there are of each upstream."""
    report = upstream_problems(ReportQuery(limit=MAX_LIMIT))
    return Counter(row["upstream"] for row in report.rows)


def register() -> None:
    """Let staff ask for it beside the reports of the books, and see on their first page how many there are."""
    add_report(ReportKind(NAME, TITLE, (), upstream_problems))
