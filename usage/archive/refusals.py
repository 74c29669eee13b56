"""Why a month is not archived. Whatever is raised here, its calls are where they were."""

from aio_platform.errors import InvalidRequest


class ArchiveRefused(InvalidRequest):
    """Nothing of that month was removed."""


class MonthTooYoung(ArchiveRefused):
    """The month is not over, or among those whose calls are kept."""

    def __init__(self, latest: str, keep: int) -> None:
        super().__init__(
            f"--before is {latest} at the latest: the calls of the last {keep} whole months are kept"
            " (AIO_CALLS_KEEP_MONTHS).",
            param="before",
        )


class MonthHasOpenCalls(ArchiveRefused):
    """Calls or tasks of that month hold credits, so they may still be charged."""

    def __init__(self, month: str) -> None:
        super().__init__(
            f"Calls or tasks that started in {month} still hold credits. They have to end first, or be let go"
            " by a worker."
        )


class MonthNotSummed(ArchiveRefused):
    """The sums do not have every call and refund yet, and they will be all that is left."""

    def __init__(self, month: str) -> None:
        super().__init__(
            f"Not all calls and refunds of {month} are in the sums yet. A worker adds them within seconds;"
            " then try again."
        )


class SumsDisagree(ArchiveRefused):
    """The sums that would be left are not those of the calls."""

    def __init__(self, month: str) -> None:
        super().__init__(
            f"The sums by the day are not those of the calls of {month}, and would be all that is left of them."
            " Run rebuild_rollups first."
        )


class BooksDisagree(ArchiveRefused):
    """The ledger and the calls disagree, which could not be found out any more without the calls."""

    def __init__(self, month: str) -> None:
        super().__init__(f"The ledger and the calls of {month} disagree. Run reconcile, which says where.")


class ArchiveUnderWay(ArchiveRefused):
    """Only one at a time writes files."""

    def __init__(self) -> None:
        super().__init__("Another archive_usage is at work on this database.")


class DirectoryUnusable(ArchiveRefused):
    """The files cannot be written there."""

    def __init__(self, directory: object, why: str) -> None:
        super().__init__(f"{directory}: {why}.", param="to")


class NothingArchived(ArchiveRefused):
    """A check of no files would say that all is well, also of another platform's database."""

    def __init__(self) -> None:
        super().__init__("No month of this database was ever archived, so no file was compared.")


class FileTaken(ArchiveRefused):
    """There is a file of that name with other calls in it: another platform's, perhaps."""

    def __init__(self, path: object) -> None:
        super().__init__(
            f"{path} is there already, and its calls are not these. Name another directory.", param="to"
        )


class FileDamaged(ArchiveRefused):
    """What was read back is not what was written."""

    def __init__(self, path: object) -> None:
        super().__init__(f"{path} does not read as it was written; is its disk sound?", param="to")


class TablesBusy(ArchiveRefused):
    """The tables were never free for the moment that taking a month out needs."""

    def __init__(self) -> None:
        super().__init__(
            "Something reads the tables for long (a dump, a rebuild), so no call was taken out. Run this again when"
            " it has ended; what is written already is used."
        )
