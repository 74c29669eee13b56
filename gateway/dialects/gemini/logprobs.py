"""Log probabilities: Gemini's `logprobsResult`, and the list that OpenAI's chat has of them."""

from collections.abc import Mapping
from typing import Any

from gateway.dialects.gemini.grounding import field_of


def read_logprobs(candidate: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The chosen tokens in OpenAI's form, each with its rivals; None where there are none."""
    result = field_of(candidate, "logprobsResult")
    chosen, rivals = field_of(result, "chosenCandidates"), field_of(result, "topCandidates")
    if not isinstance(chosen, list):
        return None
    rivals = rivals if isinstance(rivals, list) else []
    read = []
    for index, values in enumerate(chosen):
        if (token := _token(values)) is not None:
            tops = field_of(rivals[index], "candidates") if index < len(rivals) else None
            others = [_token(top) for top in tops] if isinstance(tops, list) else []
            read.append({**token, "top_logprobs": [other for other in others if other is not None]})
    return read or None


def _token(values: Any) -> dict[str, Any] | None:
    token, logprob = field_of(values, "token"), field_of(values, "logProbability")
    if not isinstance(token, str):
        return None
    # A probability of 1 has the logarithm 0, which is left out.
    logprob = 0.0 if logprob is None else logprob
    if not _is_logarithm(logprob):
        return None
    return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "surrogatepass"))}


def written_logprobs(logprobs: Any) -> dict[str, Any]:
    """`logprobsResult` and `avgLogprobs` of a list in OpenAI's form; nothing where it is none."""
    given = [each for each in logprobs if _is_token(each)] if isinstance(logprobs, list) else []
    if not given:
        return {}
    chosen = [_candidate(each) for each in given]
    tops = [
        {"candidates": [_candidate(top) for top in each.get("top_logprobs") or [] if _is_token(top)]}
        for each in given
    ]
    return {
        "avgLogprobs": sum(each["logprob"] for each in given) / len(given),
        "logprobsResult": {"chosenCandidates": chosen, "topCandidates": tops},
    }


def _is_token(values: Any) -> bool:
    return (
        isinstance(values, Mapping)
        and isinstance(values.get("token"), str)
        and _is_logarithm(values.get("logprob"))
    )


def _is_logarithm(value: Any) -> bool:
    # OpenAI writes -9999 for what is next to impossible.
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e9 < value < 1e9


def _candidate(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"token": values["token"], "logProbability": values["logprob"]}
