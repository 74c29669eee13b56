"""Spoken languages by the names and codes that callers use."""

# What the speech models speak: code → the full English name they know.
SPEECH_LANGUAGES = {
    "ko": "Korean",
    "en": "English",
    "ja": "Japanese",
    "zh": "Chinese",
    "de": "German",
    "fr": "French",
    "ru": "Russian",
    "pt": "Portuguese",
    "es": "Spanish",
    "it": "Italian",
}
CLONE_LANGUAGES = {code: SPEECH_LANGUAGES[code] for code in ("ko", "en", "zh", "ja")}
# What Whisper understands, by its own codes.
_HEARD = """
en english, zh chinese, de german, es spanish, ru russian, ko korean, fr french, ja japanese,
pt portuguese, tr turkish, pl polish, ca catalan, nl dutch, ar arabic, sv swedish, it italian,
id indonesian, hi hindi, fi finnish, vi vietnamese, he hebrew, uk ukrainian, el greek, ms malay,
cs czech, ro romanian, da danish, hu hungarian, ta tamil, no norwegian, th thai, ur urdu, hr croatian,
bg bulgarian, lt lithuanian, la latin, mi maori, ml malayalam, cy welsh, sk slovak, te telugu,
fa persian, lv latvian, bn bengali, sr serbian, az azerbaijani, sl slovenian, kn kannada, et estonian,
mk macedonian, br breton, eu basque, is icelandic, hy armenian, ne nepali, mn mongolian, bs bosnian,
kk kazakh, sq albanian, sw swahili, gl galician, mr marathi, pa punjabi, si sinhala, km khmer,
sn shona, yo yoruba, so somali, af afrikaans, oc occitan, ka georgian, be belarusian, tg tajik,
sd sindhi, gu gujarati, am amharic, yi yiddish, lo lao, uz uzbek, fo faroese, ht haitian creole,
ps pashto, tk turkmen, nn nynorsk, mt maltese, sa sanskrit, lb luxembourgish, my myanmar, bo tibetan,
tl tagalog, mg malagasy, as assamese, tt tatar, haw hawaiian, ln lingala, ha hausa, ba bashkir,
jw javanese, su sundanese, yue cantonese
"""
HEARD_LANGUAGES = {
    code: name for code, _, name in (entry.strip().partition(" ") for entry in _HEARD.split(","))
}
AUTOMATIC = "auto"


def language_code(given: str, known: dict[str, str]) -> str | None:
    """The code of a language given by code (`ko`, `ko-KR`) or English name, in any case; None for `auto`.

    Raises ValueError for a language that is not among the known ones.
    """
    asked = given.strip().lower()
    if asked == AUTOMATIC:
        return None
    code = asked.replace("_", "-").partition("-")[0]
    if code in known:
        return code
    for known_code, name in known.items():
        if name.lower() == asked:
            return known_code
    raise ValueError(f"unknown language; give one of {_shown(known)}, or auto")


def language_name(given: str, known: dict[str, str]) -> str | None:
    """As `language_code`, but the full English name."""
    code = language_code(given, known)
    return None if code is None else known[code]


def _shown(known: dict[str, str]) -> str:
    """All of a short list, the beginning of a long one."""
    names = [f"{code} ({name})" for code, name in known.items()]
    return ", ".join(names) if len(names) <= 12 else ", ".join(names[:8]) + " …"
