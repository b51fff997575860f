"""The doors of a shop: what a host calls for orders, stock, payments and dead letters."""
