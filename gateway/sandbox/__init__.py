"""The sandbox upstream: a separate ASGI process that speaks the upstream protocols with real payloads.

It imports nothing of the product, and the product knows it only by its base URL.
"""
