"""The law of personal data breaches: GDPR Art. 33 and 34, and what stands beside them. Pure."""
