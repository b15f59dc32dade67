"""An example of a processor: a customer service vendor behind an HTTP API."""
