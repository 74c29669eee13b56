"""What tasks made: the upstream's URLs passed on, or copies of ours when AIO_RESULTS says so."""

from gateway.results.mirror import keep

__all__ = ["keep"]
