"""The addresses of gateway's pages."""

from django.urls import path

from gateway.pages import callbacks, docs, task_results, tasks, workbench

urlpatterns = [
    path("callbacks", callbacks.callbacks, name="callbacks"),
    path("callbacks/endpoint", callbacks.set_endpoint, name="callbacks-endpoint"),
    path("callbacks/secret", callbacks.rotate_secret, name="callbacks-secret"),
    path("callbacks/deliveries/<str:delivery_id>", callbacks.delivery, name="callbacks-delivery"),
    path("callbacks/deliveries/<str:delivery_id>/resend", callbacks.resend, name="callbacks-resend"),
    path("tasks", tasks.tasks, name="tasks"),
    path("tasks/<str:task_id>", tasks.task, name="task"),
    path("tasks/<str:task_id>/panel", tasks.task_panel, name="task-panel"),
    path("tasks/<str:task_id>/state", tasks.task_state, name="task-state"),
    path("tasks/<str:task_id>/cancel", tasks.cancel, name="task-cancel"),
    path("tasks/<str:task_id>/callbacks", tasks.task_callbacks, name="task-callbacks"),
    path("tasks/<str:task_id>/callbacks/<str:delivery_id>/resend", tasks.resend_callback, name="task-resend"),
    path("tasks/<str:task_id>/results/<int:number>", task_results.task_result, name="task-result"),
    path("workbench", workbench.workbench, name="workbench"),
    path("workbench/preview", workbench.preview, name="workbench-preview"),
    path("docs", docs.quickstart, name="docs"),
    path("docs/search", docs.search_docs, name="docs-search"),
    path("docs/openapi/<str:operation_id>", docs.openapi_operation, name="docs-operation"),
    path("docs/endpoints/<slug:slug>", docs.endpoint, name="docs-endpoint"),
    path("docs/<slug:slug>", docs.guide, name="docs-page"),
]
