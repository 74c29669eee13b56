"""Subtitles from segments, whatever an upstream puts into them."""

import math
from typing import Any

from gateway.api.subtitles import MAX_CUE_LENGTH, MAX_CUE_MS, Cue, as_srt, as_vtt, cues_of

SEGMENTS = [
    {"start": 0, "end": 1.5, "text": " Hello\n\nthere "},
    {"start": 3723.25, "end": 3724, "text": "a < b & c --> d"},
]


def test_srt_is_numbered_and_has_commas() -> None:
    text = as_srt(cues_of({"text": "", "segments": SEGMENTS}))

    assert text == (
        "1\n00:00:00,000 --> 00:00:01,500\nHello\nthere\n\n"
        "2\n01:02:03,250 --> 01:02:04,000\na < b & c --> d\n"
    )


def test_vtt_escapes_what_would_be_markup() -> None:
    text = as_vtt(cues_of({"text": "", "segments": SEGMENTS}))

    assert text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nHello\nthere\n\n")
    assert text.endswith("a &lt; b &amp; c --&gt; d\n")


def test_without_usable_segments_the_text_is_one_cue() -> None:
    assert cues_of({"text": "all of it", "duration": 2.5}) == [Cue(0, 2500, "all of it")]
    assert cues_of({"text": "x", "duration": 1, "segments": [{"start": "0", "end": 1, "text": "x"}, 5]}) == [
        Cue(0, 1000, "x")
    ]


def test_silence_has_no_cues() -> None:
    assert as_srt(cues_of({"text": "", "segments": []})) == ""


def spoken(text: str, *, word_ms: int = 300, marks: str = ".,!?") -> list[dict[str, Any]]:
    """The words of a text, one after another, without the signs between them, as OpenAI gives them."""
    words = [word.strip(marks) for word in text.split()]
    return [
        {"word": word, "start": place * word_ms / 1000, "end": (place + 1) * word_ms / 1000}
        for place, word in enumerate(words)
    ]


def test_words_without_segments_are_cues_by_sentences() -> None:
    text = "Hello there! How are you, my friend? Fine."

    assert cues_of({"text": text, "words": spoken(text)}) == [
        Cue(0, 600, "Hello there!"),
        Cue(600, 2100, "How are you, my friend?"),
        Cue(2100, 2400, "Fine."),
    ]


def test_segments_are_preferred_to_words() -> None:
    text = "Hello there. How are you?"
    cues = cues_of({"text": text, "segments": [{"start": 0, "end": 2, "text": text}], "words": spoken(text)})

    assert cues == [Cue(0, 2000, text)]


def test_a_sentence_without_an_end_is_cut_to_cues_that_can_be_read() -> None:
    text = "word " * 200
    cues = cues_of({"text": text.strip(), "words": spoken(text)})

    assert len(cues) > 10
    assert all(len(cue.text) <= MAX_CUE_LENGTH and cue.end_ms - cue.start_ms <= MAX_CUE_MS for cue in cues)
    assert " ".join(cue.text for cue in cues) == text.strip()
    assert [cue.start_ms for cue in cues[1:]] == [cue.end_ms for cue in cues[:-1]]


def test_a_pause_ends_a_cue() -> None:
    words = [{"word": "one", "start": 0, "end": 0.5}, {"word": "two", "start": 5, "end": 5.5}]

    assert cues_of({"text": "one two", "words": words}) == [Cue(0, 500, "one"), Cue(5000, 5500, "two")]


def test_words_are_written_as_the_text_writes_them() -> None:
    words = [
        {"word": word, "start": place, "end": place + 1} for place, word in enumerate(("今日", "は", "晴れ"))
    ]

    assert cues_of({"text": "今日は晴れ。", "words": words}) == [Cue(0, 3000, "今日は晴れ。")]
    assert cues_of({"text": "something else", "words": words}) == [Cue(0, 3000, "今日 は 晴れ")]


def test_times_that_are_no_times_are_left_out() -> None:
    odd: list[Any] = [math.nan, math.inf, 1e300, "1", None, True, [1]]
    for start in odd:
        heard = {"text": "x", "duration": 1, "segments": [{"start": start, "end": 1, "text": "x"}]}
        assert cues_of(heard) == [Cue(0, 1000, "x")]
        heard = {"text": "x", "duration": 1, "words": [{"start": 0, "end": start, "word": "x"}, 5, None]}
        assert cues_of(heard) == [Cue(0, 1000, "x")]
