"""Why a month is not archived. Whatever is raised here, its calls are where they were."""

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import english_only


class ArchiveRefused(InvalidRequest):
    """Nothing of that month was removed."""

    code = "archive_refused"


class MonthTooYoung(ArchiveRefused):
    """The month is not over, or among those whose calls are kept."""

    code = "month_too_young"
    template = english_only(
        "--before is %(latest)s at the latest: the calls of the last %(keep)s whole months are "
        "kept (AIO_CALLS_KEEP_MONTHS)."
    )

    def __init__(self, latest: str, keep: int) -> None:
        super().__init__(
            latest=latest,
            keep=keep,
            param="before",
        )


class MonthHasOpenCalls(ArchiveRefused):
    """Calls or tasks of that month hold credits, so they may still be charged."""

    code = "month_has_open_calls"
    template = english_only(
        "Calls or tasks that started in %(month)s still hold credits. They have to end first, or "
        "be let go by a worker."
    )

    def __init__(self, month: str) -> None:
        super().__init__(month=month)


class MonthNotSummed(ArchiveRefused):
    """The sums do not have every call and refund yet, and they will be all that is left."""

    code = "month_not_summed"
    template = english_only(
        "Not all calls and refunds of %(month)s are in the sums yet. A worker adds them within "
        "seconds; then try again."
    )

    def __init__(self, month: str) -> None:
        super().__init__(month=month)


class SumsDisagree(ArchiveRefused):
    """The sums that would be left are not those of the calls."""

    code = "sums_disagree"
    template = english_only(
        "The sums by the day are not those of the calls of %(month)s, and would be all that is "
        "left of them. Run rebuild_rollups first."
    )

    def __init__(self, month: str) -> None:
        super().__init__(month=month)


class BooksDisagree(ArchiveRefused):
    """The ledger and the calls disagree, which could not be found out any more without the calls."""

    code = "books_disagree"
    template = english_only(
        "The ledger and the calls of %(month)s disagree. Run reconcile, which says where."
    )

    def __init__(self, month: str) -> None:
        super().__init__(month=month)


class ArchiveUnderWay(ArchiveRefused):
    """Only one at a time writes files."""

    code = "archive_under_way"
    template = english_only("Another archive_usage is at work on this database.")


class DirectoryUnusable(ArchiveRefused):
    """The files cannot be written there."""

    code = "directory_unusable"
    template = english_only("%(directory)s: %(why)s.")

    def __init__(self, directory: object, why: str) -> None:
        super().__init__(directory=directory, why=why, param="to")


class NothingArchived(ArchiveRefused):
    """A check of no files would say that all is well, also of another platform's database."""

    code = "nothing_archived"
    template = english_only("No month of this database was ever archived, so no file was compared.")


class FileTaken(ArchiveRefused):
    """There is a file of that name with other calls in it: another platform's, perhaps."""

    code = "file_taken"
    template = english_only("%(path)s is there already, and its calls are not these. Name another directory.")

    def __init__(self, path: object) -> None:
        super().__init__(path=path, param="to")


class FileDamaged(ArchiveRefused):
    """What was read back is not what was written."""

    code = "file_damaged"
    template = english_only("%(path)s does not read as it was written; is its disk sound?")

    def __init__(self, path: object) -> None:
        super().__init__(path=path, param="to")


class TablesBusy(ArchiveRefused):
    """The tables were never free for the moment that taking a month out needs."""

    code = "tables_busy"
    template = english_only(
        "Something reads the tables for long (a dump, a rebuild), so no call was taken out. Run "
        "this again when it has ended; what is written already is used."
    )
