"""Languages by any name people give them: codes, English names, the languages' own names, Korean names.

Two vocabularies come out: Qwen3-TTS's full English names (`full_name`), and the codes that Whisper uses
(`iso_code`). Sources: `talker_config.codec_language_id` of the Qwen3-TTS checkpoints, as vLLM-Omni's Speech API
page lists it; `LANGUAGES` and `TO_LANGUAGE_CODE` in openai/whisper's tokenizer.py.
"""

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop

AUTO = "Auto"
# What Qwen3-TTS speaks, by code.
SPOKEN = {
    "zh": "Chinese",
    "en": "English",
    "ja": "Japanese",
    "ko": "Korean",
    "de": "German",
    "fr": "French",
    "ru": "Russian",
    "pt": "Portuguese",
    "es": "Spanish",
    "it": "Italian",
}
# What Whisper hears, by code.
_HEARD = (
    "af afrikaans,am amharic,ar arabic,as assamese,az azerbaijani,ba bashkir,be belarusian,bg bulgarian,"
    "bn bengali,bo tibetan,br breton,bs bosnian,ca catalan,cs czech,cy welsh,da danish,de german,el greek,"
    "en english,es spanish,et estonian,eu basque,fa persian,fi finnish,fo faroese,fr french,gl galician,"
    "gu gujarati,ha hausa,haw hawaiian,he hebrew,hi hindi,hr croatian,ht haitian creole,hu hungarian,"
    "hy armenian,id indonesian,is icelandic,it italian,ja japanese,jw javanese,ka georgian,kk kazakh,km khmer,"
    "kn kannada,ko korean,la latin,lb luxembourgish,ln lingala,lo lao,lt lithuanian,lv latvian,mg malagasy,"
    "mi maori,mk macedonian,ml malayalam,mn mongolian,mr marathi,ms malay,mt maltese,my myanmar,ne nepali,"
    "nl dutch,nn nynorsk,no norwegian,oc occitan,pa punjabi,pl polish,ps pashto,pt portuguese,ro romanian,"
    "ru russian,sa sanskrit,sd sindhi,si sinhala,sk slovak,sl slovenian,sn shona,so somali,sq albanian,"
    "sr serbian,su sundanese,sv swedish,sw swahili,ta tamil,te telugu,tg tajik,th thai,tk turkmen,tl tagalog,"
    "tr turkish,tt tatar,uk ukrainian,ur urdu,uz uzbek,vi vietnamese,yi yiddish,yo yoruba,yue cantonese,"
    "zh chinese"
)
# Other codes and names of the same languages.
_ALSO = (
    "zh zho,zh chi,zh cn,zh mandarin,zh 中文,zh 汉语,zh 漢語,zh 普通话,zh 중국어,en eng,en 영어,ja jpn,ja jp,ja 日本語,"
    "ja 일본어,ko kor,ko kr,ko 한국어,ko 한국말,ko 조선말,de deu,de ger,de deutsch,de 독일어,fr fra,fr fre,fr français,"
    "fr francais,fr 프랑스어,fr 불어,ru rus,ru русский,ru 러시아어,pt por,pt português,pt portugues,pt 포르투갈어,"
    "es spa,es español,es espanol,es castilian,es 스페인어,it ita,it italiano,it 이탈리아어,my burmese,"
    "ca valencian,nl flemish,ht haitian,lb letzeburgesch,ps pushto,pa panjabi,ro moldavian,ro moldovan,"
    "si sinhalese,jw jv,no nb,yue 粵語,yue 粤语"
)


def _pairs(table: str) -> list[tuple[str, str]]:
    """`code name` pairs, parted by commas, as (name, code)."""
    return [(name, code) for code, _, name in (entry.partition(" ") for entry in table.split(","))]


_CODES = {code: code for _, code in _pairs(_HEARD)} | dict(_pairs(_HEARD)) | dict(_pairs(_ALSO))


def full_name(language: str | None) -> str | None:
    """The full English name that Qwen3-TTS knows, `Auto` included; None, the upstream's guess, for None.

    Raises InvalidRequest naming `language` for one it does not speak.
    """
    if language is None:
        return None
    code = _code(language)
    if code == "auto":
        return AUTO
    if code not in SPOKEN:
        raise InvalidRequest(
            gettext_noop("%(param)s: must be one of %(choices)s, their codes, or %(auto)s."),
            param="language",
            choices=", ".join(SPOKEN.values()),
            auto=AUTO,
        )
    return SPOKEN[code]


def iso_code(language: str | None) -> str | None:
    """The code that Whisper knows; None, which lets it listen for the language itself, for None and `auto`.

    Raises InvalidRequest naming `language` for one it does not know.
    """
    if language is None:
        return None
    code = _code(language)
    if code is None:
        raise InvalidRequest(
            gettext_noop("%(param)s: no such language; try a code such as ko or en."), param="language"
        )
    return None if code == "auto" else code


def _code(language: str) -> str | None:
    """`ko`, `KO`, `ko-KR`, `ko_KR`, `Korean`, `한국어` → `ko`; None for a name nobody gave."""
    name = language.strip().casefold()
    if name == "auto":
        return "auto"
    if name in _CODES:
        return _CODES[name]
    primary = name.replace("_", "-").partition("-")[0]
    return _CODES.get(primary) if len(primary) in (2, 3) else None
