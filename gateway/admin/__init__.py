"""The staff site's pages of the gateway: tasks, upstreams and routes, rates, the catalog, callback deliveries."""

from gateway.admin import catalog_pages, delivery_pages, rate_pages, route_pages, task_pages

__all__ = ["catalog_pages", "delivery_pages", "rate_pages", "route_pages", "task_pages"]
