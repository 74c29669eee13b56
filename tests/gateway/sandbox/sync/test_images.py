"""Images of the size asked for, carrying their prompt."""

import base64

import pytest

from gateway.sandbox.files import png


def pictures(response):
    body = response.json()
    encoded = body["images"] if "images" in body else [item["b64_json"] for item in body["data"]]
    return [base64.b64decode(text) for text in encoded]


def test_openai_image_has_the_size_and_the_prompt(sandbox):
    body = {"prompt": "a red fox", "size": "320x200", "n": 2, "seed": 7}
    one, two = pictures(sandbox.post("/v1/images/generations", json=body))
    assert png.size_of(one) == (320, 200)
    assert png.text_of(one, "prompt") == "a red fox"
    assert png.text_of(one, "seed") == "7"
    assert one != two


def test_same_request_gives_the_same_image(sandbox):
    body = {"prompt": "a red fox", "size": "64x64"}
    first, second = (sandbox.post("/v1/images/generations", json=body).json() for _ in range(2))
    assert first == second


def test_default_size_is_a_megapixel(sandbox):
    assert png.size_of(pictures(sandbox.post("/v1/images/generations", json={"prompt": "x"}))[0]) == (
        1024,
        1024,
    )


def test_a1111_gives_images_and_what_made_them(sandbox):
    body = {"prompt": "a red fox", "width": 96, "height": 64, "steps": 20, "seed": -1, "batch_size": 2}
    response = sandbox.post("/sdapi/v1/txt2img", json=body)
    assert [png.size_of(picture) for picture in pictures(response)] == [(96, 64)] * 2
    assert response.json()["parameters"] == body


def test_vision_reads_what_image_generation_drew(sandbox):
    body = {"prompt": "a red fox", "size": "64x64"}
    picture = sandbox.post("/v1/images/generations", json=body).json()["data"][0]["b64_json"]
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
    body = {"model": "m", "messages": [{"role": "user", "content": [part]}]}
    answer = sandbox.post("/v1/chat/completions", json=body).json()
    assert "a red fox" in answer["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/images/generations", {}, 400),
        ("/v1/images/generations", {"prompt": "x", "size": "big"}, 400),
        ("/v1/images/generations", {"prompt": "x", "size": "9999x9999"}, 400),
        ("/v1/images/generations", {"prompt": "x", "n": 11}, 400),
        ("/v1/images/generations", {"prompt": "x", "response_format": "url"}, 400),
        ("/sdapi/v1/txt2img", {"prompt": ""}, 422),
        ("/sdapi/v1/txt2img", {"prompt": "x", "width": 0}, 422),
    ],
    ids=str,
)
def test_bad_request_is_refused(sandbox, path, body, status):
    assert sandbox.post(path, json=body).status_code == status
