"""The staff site's pages of the gateway: tasks, upstreams, routes, rates, costs, the catalog, deliveries."""

from gateway.staff import catalog_pages, cost_pages, delivery_pages, rate_pages, route_pages, task_pages

__all__ = ["catalog_pages", "cost_pages", "delivery_pages", "rate_pages", "route_pages", "task_pages"]
