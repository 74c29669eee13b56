"""Promise: OpenAI's edits are made of the images that were sent, priced as images are, and no failure costs a thing."""

import base64
from typing import Any

import httpx
import media_files as made
import openai
import pytest
from running_platform import RunningPlatform
from scenarios.asking import Books, told

PATH = "/v1/images/edits"
IMAGE = made.png(64, 64)
MICROCREDITS_PER_IMAGE = 1_000_000
PIXEL_STEPS_PER_MICROCREDIT = 50
DEFAULT_STEPS = 30
SMALL: dict[str, Any] = {"model": "gpt-image-1", "prompt": "in winter", "size": "64x64"}


def due(width: int, height: int, steps: int = DEFAULT_STEPS, count: int = 1) -> int:
    return count * MICROCREDITS_PER_IMAGE + -(-width * height * steps * count // PIXEL_STEPS_PER_MICROCREDIT)


def edit(client: httpx.Client, *files: tuple[str, bytes], **fields: Any) -> httpx.Response:
    sent = files or (("image", IMAGE),)
    return client.post(
        PATH,
        data={**SMALL, **fields},
        files=[(name, (f"{place}.png", data, "image/png")) for place, (name, data) in enumerate(sent)],
    )


@pytest.mark.parametrize(
    ("fields", "size", "count"),
    [
        ({}, (64, 64), 1),
        ({"size": "auto"}, (1024, 1024), 1),
        ({"n": "3", "size": "128x64", "response_format": "b64_json"}, (128, 64), 3),
    ],
)
def test_edits_come_inside_the_answer_for_the_price_of_images(
    fields: dict[str, str], size: tuple[int, int], count: int, client: httpx.Client, books: Books
) -> None:
    answer = edit(client, **fields)

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"created", "data"}
    images = [base64.b64decode(item["b64_json"]) for item in body["data"]]
    assert len(set(images)) == count
    for image in images:
        assert (int.from_bytes(image[16:20], "big"), int.from_bytes(image[20:24], "big")) == size
    receipt = books.receipt(answer)
    assert (receipt["endpoint"], receipt["model"], receipt["outcome"]) == (
        "image_edits", "qwen-image", "succeeded",
    )  # fmt: skip
    assert receipt["units"]["images"] == count
    assert receipt["capture_microcredits"] == books.spent() == due(*size, count=count)


def test_every_image_and_the_mask_reach_the_server(client: httpx.Client) -> None:
    """What the sandbox draws depends on every file that it is sent, and on nothing that changes from call to call."""
    one, other = ("image[]", IMAGE), ("image[]", made.png(32, 32))
    mask = ("mask", made.png(64, 64))

    def drawn(*files: tuple[str, bytes]) -> str:
        answer = edit(client, *files, seed="7", background="transparent")
        assert answer.status_code == 200, answer.text
        found: str = answer.json()["data"][0]["b64_json"]
        return found

    assert len({drawn(one), drawn(one, other), drawn(other, one), drawn(one, other, mask)}) == 4
    assert drawn(one, other, mask) == drawn(mask, one, other)
    assert drawn(one) == drawn(("image", IMAGE))


def test_openais_client_edits_images(platform: RunningPlatform, client: httpx.Client) -> None:
    key = client.headers["Authorization"].removeprefix("Bearer ")
    with openai.OpenAI(base_url=f"{platform.base_url}/v1", api_key=key, max_retries=0) as sdk:
        answer = sdk.images.edit(
            image=[("a.png", IMAGE), ("b.png", IMAGE)],
            mask=("m.png", IMAGE),
            prompt="in winter",
            size="256x256",
        )

    assert answer.data is not None
    (image,) = answer.data
    assert base64.b64decode(image.b64_json or "").startswith(b"\x89PNG")


def test_an_images_url_holds_the_image(client: httpx.Client) -> None:
    answer = edit(client, response_format="url", quality="auto", input_fidelity="low", partial_images="0")

    (image,) = answer.json()["data"]
    assert image["url"].startswith("data:image/png;base64,")
    assert "b64_json" not in image


@pytest.mark.parametrize(
    ("files", "fields", "param"),
    [
        ((), {"prompt": ""}, "prompt"),
        ((), {"n": "0"}, "n"),
        ((), {"n": "11"}, "n"),
        ((), {"size": "big"}, "size"),
        ((), {"size": "4096x4096"}, "size"),
        ((), {"quality": "high"}, "quality"),
        ((), {"input_fidelity": "high"}, "input_fidelity"),
        ((), {"stream": "true"}, "stream"),
        ((), {"partial_images": "2"}, "partial_images"),
        ((), {"num_images": "2"}, "num_images"),
        ((), {"upscale": "true"}, "upscale"),
        ((("mask", IMAGE),), {}, "image"),
        ((("image", b""),), {}, "image"),
        ((("image", b"%PDF-1.7 no image"),), {}, "image"),
        ((("image", IMAGE), ("mask", b"no image")), {}, "mask"),
        ((("image", IMAGE), ("mask", IMAGE), ("mask", IMAGE)), {}, "mask"),
        ((("image", IMAGE), ("mask[]", IMAGE)), {}, "mask[]"),
        ((("image", IMAGE), ("picture", IMAGE)), {}, "picture"),
        ((("image[]", IMAGE),) * 17, {}, "image[]"),
        ((("image", made.png(60_000, 60_000)),), {}, "image"),
    ],
)
def test_what_cannot_be_edited_is_named(
    files: tuple[tuple[str, bytes], ...],
    fields: dict[str, str],
    param: str,
    client: httpx.Client,
    books: Books,
) -> None:
    answer = edit(client, *files, **fields)

    assert answer.status_code == 400, answer.text
    assert told(answer)["param"] == param
    books.assert_nothing_held_or_spent()


def test_json_is_no_form(client: httpx.Client, books: Books) -> None:
    answer = client.post(PATH, json={"prompt": "in winter", "image": "https://example.com/a.png"})

    assert (answer.status_code, told(answer)["param"]) == (400, "Content-Type")
    books.assert_nothing_held_or_spent()


def test_images_that_are_together_too_large_are_refused_before_they_are_read(
    client: httpx.Client, books: Books
) -> None:
    large = IMAGE + bytes(26_000_000)

    answer = edit(client, ("image[]", large), ("image[]", large))

    assert (answer.status_code, told(answer)["param"]) == (413, "image")
    books.assert_nothing_held_or_spent()


@pytest.mark.parametrize(
    ("magic", "status", "outcome"),
    [
        ("status=400", 400, "rejected"),
        ("status=500", 502, "failed"),
        ("reset", 502, "failed"),
        ("empty", 502, "failed"),
        ("malformed", 502, "failed"),
        ("wrong_type", 502, "failed"),
        ("error_in_200", 502, "failed"),
    ],
)
def test_a_call_without_images_costs_nothing(
    magic: str, status: int, outcome: str, client: httpx.Client, books: Books
) -> None:
    assert edit(client).status_code == 200  # no route rests from another test
    before = books.spent()

    answer = edit(client, prompt=f"in winter [[sbx:{magic}]]")

    assert answer.status_code == status, answer.text
    assert "sbx" not in answer.text
    receipt = books.receipt(answer)
    assert (receipt["outcome"], receipt["capture_microcredits"]) == (outcome, 0)
    assert receipt["hold_microcredits"] == due(64, 64)
    assert (books.spent(), books.held()) == (before, 0)


def test_under_one_idempotency_key_it_is_edited_and_paid_once(client: httpx.Client, books: Books) -> None:
    client.headers["Idempotency-Key"] = "edited-once"
    files = (("image", IMAGE), ("mask", made.png(64, 64)))

    first, again = edit(client, *files), edit(client, *files)
    other = edit(client, *files[:1])

    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    assert other.status_code == 422
    assert books.spent() == due(64, 64)


def test_a_key_for_images_alone_edits_none(platform: RunningPlatform) -> None:
    with platform.client(platform.new_tenant(key_options=("--scope", "images"))) as client:
        assert edit(client).status_code == 403
