"""Which protocols this sandbox speaks: every room's routes, put together into one application."""

from __future__ import annotations

from gateway.sandbox.app import Application
from gateway.sandbox.chat import completions, gemini, messages, responses, text_completions
from gateway.sandbox.control import Control
from gateway.sandbox.files.results import Files
from gateway.sandbox.journal import Journal
from gateway.sandbox.providers import signatures
from gateway.sandbox.providers.clock import Clock
from gateway.sandbox.providers.fal import Fal
from gateway.sandbox.providers.kie import Kie
from gateway.sandbox.providers.replicate import Replicate
from gateway.sandbox.providers.tasks import TaskStore
from gateway.sandbox.providers.wavespeed import WaveSpeed
from gateway.sandbox.providers.webhooks import Postman
from gateway.sandbox.sync import embeddings, images, moderations, rerank, speech, transcription
from gateway.sandbox.sync.music import AceStep
from gateway.sandbox.wire import Route

_STATELESS = (
    completions,
    text_completions,
    messages,
    responses,
    gemini,
    embeddings,
    rerank,
    moderations,
    speech,
    transcription,
    images,
    signatures,
)


def assemble(journal: Journal, clock_mode: str = "real", task_s: float = 2.0) -> Application:
    """A whole sandbox with its own clock, tasks and journal."""
    clock = Clock(clock_mode)
    tasks = TaskStore(clock, task_s)
    postman = Postman(clock)
    control = Control(clock)
    routes: list[Route] = [route for room in _STATELESS for route in room.routes()]
    providers = (AceStep(tasks), Kie(tasks, postman), Fal(tasks, postman), Replicate(tasks, postman))
    for provider in (*providers, WaveSpeed(tasks, postman), Files(tasks), postman, control):
        routes += provider.routes()
    application = Application(routes, journal)
    control.application = application
    control.on_reset += [tasks.clear, postman.clear]
    return application
