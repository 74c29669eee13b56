"""The documentation: what its pages say, made from the OpenAPI document, the contracts and the catalog."""
