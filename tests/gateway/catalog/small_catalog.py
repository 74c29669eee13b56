"""The text of a catalog with one model, whose prices are those of a rate named by the test."""


def small_catalog(
    rate: str, url: str = "http://127.0.0.1:9000", *, second_url: str | None = None, aliases: str = ""
) -> str:
    """One chat route on the upstream `first`; with `second_url` also a spare one on `second`."""
    second = "" if second_url is None else f'[upstreams.second]\nbase_url = "{second_url}"\n\n'
    return FIRST.format(url=url, second=second, rate=rate, aliases=aliases) + (
        "" if second_url is None else SPARE.format(rate=rate)
    )


FIRST = """\
[upstreams.first]
base_url = "{url}"

{second}[rates.{rate}]
tokens_in = {{ credits = "0.5", per = 1000 }}

[[models]]
slug = "small"
owned_by = "acme"
created = 2026-01-31
{aliases}
[[routes]]
endpoint = "chat"
model = "small"
upstream = "first"
adapter = "openai_chat"
rate = "{rate}"
max_output_tokens = 4096
default = true
"""
SPARE = """
[[routes]]
name = "spare"
endpoint = "chat"
model = "small"
upstream = "second"
adapter = "openai_chat"
rate = "{rate}"
max_output_tokens = 4096
priority = 1
"""
