"""An example of a processor: a newsletter vendor with OAuth 2, confirmations and signed calls back."""
