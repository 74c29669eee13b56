"""What staff see of Unfold's own texts that neither Unfold nor Django says in Korean, marked for our catalogue."""

from django.utils.translation import gettext_noop as _

TEXTS = (
    _("Apply Filters"),
    _("Choose file to upload"),
    _("False"),
    _("Go back"),
    _("Loading more results..."),
    _("No recent searches"),
    _("No results found"),
    _("No results matching your query"),
    _("Recent searches"),
    _("Reset filters"),
    _("Select all rows"),
    _("This page yielded into no results. Create a new item or reset your filters."),
    _("True"),
    _("Type to search"),
)
