"""Pages of gateway, one room for each."""
