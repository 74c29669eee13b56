"""One call, or the calls and refusals of a key or an account: what happened, and why a call was refused."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Account, ApiKey
from accounts.public_ids import is_key_id
from accounts.staff.page_registry import CALLS, show, staff_page
from accounts.staff.path_params import account_of
from accounts.staff.tables import Cell, Filter, Table, choices, filters_of, number_cell, timestamp_text
from aio_platform.errors import InvalidRequest, NotFound
from aio_platform.i18n.translatable import gettext_noop
from aio_platform.refusals import refusal_explanation
from usage.errors import CallArchived
from usage.labels import OUTCOMES, outcome_name
from usage.ledger.outcomes import Outcome
from usage.queries.events import event_page
from usage.queries.filters import CallFilter
from usage.queries.keys import describe_keys
from usage.queries.receipts import IN_FLIGHT, find_receipt
from usage.queries.retention import archive_file_of
from usage.request_times import CallName, parse_call
from usage.snapshot import snapshot

SHOWN = 50
PERIODS = (
    ("1", gettext_lazy("the last hour")),
    ("24", gettext_lazy("the last day")),
    ("168", gettext_lazy("the last 7 days")),
    ("720", gettext_lazy("the last 30 days")),
)
# By account first, as their keys are: one probe an account, where a look by the id alone would read every row.
_OWNER_SQL = """
    SELECT a.id FROM accounts_account a
    WHERE EXISTS (SELECT 1 FROM usage_event e WHERE e.account_id = a.id
                  AND e.started_at = %(started_at)s AND e.request_id = %(request_id)s)
       OR EXISTS (SELECT 1 FROM usage_hold h WHERE h.account_id = a.id AND h.request_id = %(request_id)s)
    LIMIT 1
"""
_REFUSALS_SQL = """
    SELECT r.minute, r.account_id, r.key_id, r.endpoint, r.code, r.calls
    FROM accounts_account a CROSS JOIN LATERAL (
        SELECT * FROM usage_refusal f
        WHERE f.account_id = a.id AND f.minute >= date_trunc('minute', %(since)s::timestamptz)
            AND (%(until)s::timestamptz IS NULL OR f.minute <= %(until)s::timestamptz)
            AND (%(key_id)s::bigint IS NULL OR f.key_id = %(key_id)s)
        ORDER BY f.minute DESC LIMIT %(limit)s
    ) r
    WHERE %(account_id)s::bigint IS NULL OR a.id = %(account_id)s
    ORDER BY r.minute DESC, r.calls DESC LIMIT %(limit)s
"""


@staff_page(
    "calls/",
    name="calls",
    title=gettext_noop("Calls and refusals"),
    permission="usage.view_usageevent",
    menu=(CALLS, "call_log"),
)
def calls(request: HttpRequest) -> HttpResponse:
    """By request id one call; by key or account their newest calls and why others were refused."""
    filters, wanted = filters_of(
        request,
        Filter("request", _("Request id"), hint="req_…"),
        Filter("account", _("Account id"), hint="acct_…"),
        Filter("key", _("Key id or prefix"), hint="key_… / aio_…"),
        Filter("outcome", _("Outcome"), choices([outcome.value for outcome in Outcome], OUTCOMES)),
        Filter("hours", _("Period"), [(hours, str(name)) for hours, name in PERIODS]),
    )
    account = account_of(wanted["account"]) if wanted["account"] else None
    key = find_key(wanted["key"]) if wanted["key"] else None
    if key is not None and account is None:
        account = key.account
    context: dict[str, Any] = {"filters": filters}
    if wanted["request"]:
        context |= _one_call(wanted["request"], account, key)
    else:
        since = timezone.now() - timedelta(hours=int(wanted["hours"] or "24"))
        which = CallFilter(
            account_id=account.pk if account else None,
            key_id=key.pk if key else None,
            outcome=wanted["outcome"] or None,
            since=since,
        )
        context["refusals"] = refusal_table(since, account_id=which.account_id, key_id=which.key_id)
        if account is not None:
            context["calls"] = call_table(event_page(which, limit=SHOWN).events, _("Newest calls"))
    return show(request, "staff/calls.html", _("Calls and refusals"), context)


def call_table(events: Sequence[dict[str, Any]], caption: str) -> Table:
    """Ended calls as `event_page` gives them, each linked to its receipt."""
    return Table(
        caption,
        [
            _("Started"),
            _("Request"),
            _("Key"),
            _("Endpoint"),
            _("Model"),
            _("Upstream"),
            _("Outcome"),
            _("Cost"),
            _("Latency"),
        ],
        [
            [
                event["started_at"],
                Cell(event["request_id"], href=f"/staff/calls/?request={event['request_id']}"),
                event["key"]["prefix"] + "…" if event["key"] else _("session"),
                event["endpoint"],
                event["model"],
                event["upstream"] or "–",
                Cell(
                    outcome_name(event["outcome"]), tone="good" if event["outcome"] == "succeeded" else "warn"
                ),
                Cell(event["cost"], is_number=True),
                Cell(f"{event['timings']['latency_ms']:,} ms", is_number=True),
            ]
            for event in events
        ],
        empty=_("No calls."),
    )


def refusal_table(
    since: datetime,
    until: datetime | None = None,
    *,
    account_id: int | None = None,
    key_id: int | None = None,
) -> Table:
    """Refused calls, which have no receipts: how many a minute, of which key, and why."""
    parameters = {
        "since": since,
        "until": until,
        "account_id": account_id,
        "key_id": key_id,
        "limit": SHOWN,
    }
    with snapshot() as books:
        rows = books.rows(_REFUSALS_SQL, parameters)
        keys = describe_keys(row["key_id"] for row in rows)
    owners = Account.objects.in_bulk({row["account_id"] for row in rows})
    return Table(
        _("Refused calls"),
        [
            _("Minute (UTC)"),
            _("Account"),
            _("Key"),
            _("Endpoint"),
            _("Reason"),
            _("What it means"),
            _("Calls"),
        ],
        [
            [
                timestamp_text(row["minute"]),
                Cell(
                    owners[row["account_id"]].name,
                    href=f"/staff/accounts/{owners[row['account_id']].public_id}/",
                )
                if row["account_id"] in owners
                else "–",
                _key_cell(keys.get(row["key_id"])),
                row["endpoint"],
                Cell(row["code"], tone="warn"),
                refusal_explanation(row["code"]),
                number_cell(row["calls"]),
            ]
            for row in rows
        ],
        empty=_("No call was refused."),
    )


def _one_call(text: str, account: Account | None, key: ApiKey | None) -> dict[str, Any]:
    call = parse_call(text)
    if call is None:
        raise InvalidRequest(gettext_noop("A request id is req_ and 32 hexadecimal digits."), param="request")
    owner = _owner_of(call) if account is None else account
    try:
        receipt = find_receipt(owner.pk, call) if owner is not None else None
    except CallArchived:
        receipt = None
    if owner is not None and receipt is not None:
        return {"receipt": receipt.content, "owner": owner, "facts": _facts(receipt.content)}
    with snapshot() as books:
        file = archive_file_of(books, call)
    if file is not None:
        return {"archived": text, "at": timestamp_text(call.started_at), "file": file}
    # Not admitted: all that is kept of it is a count, by the minute that its id tells.
    minute = call.started_at.replace(second=0, microsecond=0)
    return {
        "missing": text,
        "at": timestamp_text(call.started_at),
        "refusals": refusal_table(
            minute - timedelta(minutes=1),
            minute + timedelta(minutes=1),
            account_id=account.pk if account else None,
            key_id=key.pk if key else None,
        ),
    }


def _owner_of(call: CallName) -> Account | None:
    with snapshot() as books:
        row = books.row(_OWNER_SQL, {"started_at": call.started_at, "request_id": call.request_uuid})
    return None if row is None else Account.objects.get(pk=row["id"])


def _facts(call: dict[str, Any]) -> list[tuple[str, str, str]]:
    timings = call["timings"] or {}
    attempts = "; ".join(
        f"{one.get('upstream')}: {one.get('status')}, {one.get('latency_ms')} ms" for one in call["attempts"]
    )
    return [
        (
            _("Outcome"),
            outcome_name(call["outcome"]),
            _("not ended yet") if call["outcome"] == IN_FLIGHT else "",
        ),
        (_("Status"), str(call["status"] or "–"), ""),
        (_("Endpoint"), call["endpoint"], call["model"]),
        (_("Upstream"), call["upstream"] or "–", call["route"]),
        (_("Key"), call["key"]["prefix"] + "…" if call["key"] else _("session"), ""),
        (_("Cost"), call["cost"] or "–", _("held %(amount)s") % {"amount": call["hold"]}),
        (_("Refunded"), call["refunded"] or "–", ""),
        (
            _("Latency"),
            f"{timings.get('latency_ms', '–')} ms",
            _("upstream %(ms)s ms") % {"ms": timings.get("upstream_ms")},
        ),
        (_("Started"), call["started_at"], ""),
        (_("Failed attempts"), attempts or _("none"), ""),
    ]


def find_key(text: str) -> ApiKey:
    """The key of that id or prefix, the newest where several share one; NotFound where there is none."""
    keys = ApiKey.objects.select_related("account")
    found = keys.filter(public_id=text) if is_key_id(text) else keys.filter(prefix=text[:12])
    key = found.order_by("-id").first()
    if key is None:
        raise NotFound(gettext_noop("There is no such key."))
    return key


def _key_cell(key: dict[str, Any] | None) -> Cell:
    return Cell(_("session")) if key is None else Cell(f"{key['prefix']}…", href=f"/staff/keys/{key['id']}/")
