"""Bodies whose fields may be spelled in camel case or in snake case, as Google's APIs take them."""

from pydantic import ConfigDict

from gateway.contracts.parsing import RequestContract


class EitherSpelling(RequestContract):
    """A JSON body. A field's alias is its documented name, the field's own name the other spelling."""

    model_config = ConfigDict(populate_by_name=True)
