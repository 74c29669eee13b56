"""Subtitles from segments, whatever an upstream puts into them."""

from gateway.transcript_shapes import Cue, as_srt, as_vtt, cues_of

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
