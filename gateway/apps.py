from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "gateway"

    def ready(self) -> None:
        from gateway import stuck_tasks, upstream_problem_report

        stuck_tasks.register()
        upstream_problem_report.register()
