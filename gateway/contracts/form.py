"""From a form's text fields to a validated contract, with the first problem named by its field."""

from collections.abc import Mapping
from typing import ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.contracts.parsing import first_problem

Contract = TypeVar("Contract", bound="FormContract")
LIST_MARK = "[]"


class FormContract(BaseModel):
    """A form's text fields. Everything arrives as text and is read as its field's type; unknown ones are left."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)
    # As a RequestContract's; its file is described here too.
    descriptions: ClassVar[Mapping[str, str]] = {}


def parse_form(contract: type[Contract], fields: dict[str, list[str]]) -> Contract:
    """Validate; a field left empty counts as absent, as browsers send those that nobody filled in.

    Raises InvalidRequest for the first field that breaks the contract, or that came twice without being a list
    (`name[]`).
    """
    values: dict[str, str | list[str]] = {}
    for name, given in fields.items():
        if name.endswith(LIST_MARK):
            values[name.removesuffix(LIST_MARK)] = given
        elif len(given) > 1:
            raise InvalidRequest(_("%(param)s: given more than once."), param=name)
        elif given[0] != "":
            values[name] = given[0]
    try:
        return contract.model_validate(values)
    except ValidationError as error:
        raise first_problem(error) from None
