from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "gateway"

    def ready(self) -> None:
        from gateway.staff import stuck_report
        from gateway.upstreams import problem_report

        stuck_report.register()
        problem_report.register()
