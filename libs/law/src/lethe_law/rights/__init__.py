"""What the law says about each right: contents of answers, eligibility, exceptions, identity. Pure."""
