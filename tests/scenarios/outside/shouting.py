"""A throw-away endpoint that the platform knows nothing of: POST /api/shout, its contract, view, schema and example."""

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from gateway.adapters.protocol import JsonAnswer
from gateway.calls.call import Call
from gateway.contracts.parsing import RequestContract
from gateway.contracts.text import NonBlank
from gateway.http.endpoint_view import JsonEndpointView, json_response
from gateway.openapi.presentation import TEXT, DocsPage, Example, WorkbenchForm
from gateway.openapi.schemas import STRING, json_body, json_object, operation


class ShoutBody(RequestContract):
    """POST /api/shout."""

    descriptions = {"text": "What is shouted."}
    model: str | None = None
    text: NonBlank


class ShoutView(JsonEndpointView[ShoutBody]):
    """POST /api/shout: a text in, `{"shouted"}` out."""

    endpoint = "shout"
    contract = ShoutBody
    session_allowed = True
    example = Example({"text": "Good morning"})
    docs_page = DocsPage("shout", "Shouting", "Makes a text louder.", place=100)
    workbench_form = WorkbenchForm("shout", "Shouting", TEXT, place=100, main=("text",))

    @extend_schema(
        **operation("shout", "A text, louder", json_body(ShoutBody), json_object("Shouted", shouted=STRING))
    )
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def to_request(self, contract: ShoutBody) -> str:
        return contract.text

    def to_response(self, answer: JsonAnswer, contract: ShoutBody, call: Call) -> HttpResponse:
        return json_response({"shouted": answer.values})
