"""The gateway's addresses that ordinary Django serves: callbacks, and kept results."""

from django.urls import path

from gateway.results.views import show_result
from gateway.webhooks_out.views import DeliveriesView, DeliveryView, EndpointView, ResendView, SecretView

urlpatterns = [
    path("api/v1/callbacks/secret", SecretView.as_view()),
    path("api/v1/callbacks/endpoint", EndpointView.as_view()),
    path("api/v1/callbacks/deliveries", DeliveriesView.as_view()),
    path("api/v1/callbacks/deliveries/<str:delivery_id>", DeliveryView.as_view()),
    path("api/v1/callbacks/deliveries/<str:delivery_id>/resend", ResendView.as_view()),
    path("results/<str:token>", show_result),
]
