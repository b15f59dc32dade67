"""Who calls: bearer tokens (JWT), local or from an OpenID provider."""
