"""The registry's entry of the throw-away endpoint."""

from gateway.endpoints import Address, Endpoint, Limit

ENDPOINTS = (
    Endpoint(
        "shout",
        "Shouting",
        (Address("/api/shout", "shouting.ShoutView"),),
        inputs=("text",),
        outputs=("text",),
        units=("characters",),
        time_limit=Limit("SHOUT_TIME_LIMIT_S", 5),
        demo_weight=2,
    ),
)
