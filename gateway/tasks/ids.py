"""Task ids: ours, never an upstream's. `n<node><random>_<model>`, as in `n4xk2p9…_flux2`."""

import re
import secrets

from django.conf import settings

LETTERS = "abcdefghijkmnpqrstuvwxyz"
# 16 characters of 34 are 81 bits: nobody guesses one, and no two are alike.
ALPHABET = LETTERS + "0123456789"
RANDOM_LENGTH = 16
MAX_MODEL_LENGTH = 32
MAX_LENGTH = 80
_FORM = re.compile(r"n[0-9]{1,4}[a-z][a-z0-9]{1,40}_[a-z0-9]{1,32}\Z")


def new_task_id(model: str) -> str:
    """A new id for a task of that model. It has the model's name in it, in lower-case letters and digits."""
    # A letter first, so that the node's number can be told from what follows it.
    noise = secrets.choice(LETTERS) + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH - 1))
    name = re.sub(r"[^a-z0-9]", "", model.lower())[:MAX_MODEL_LENGTH] or "task"
    return f"n{settings.TASK_NODE}{noise}_{name}"


def is_task_id(text: str) -> bool:
    """Whether the text has the form of a task id. If not, there is nothing to look up."""
    return len(text) <= MAX_LENGTH and _FORM.match(text) is not None
