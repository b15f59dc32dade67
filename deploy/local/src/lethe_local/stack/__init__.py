"""What a stack is made of: which programs, on which ports, with which databases, topics and keys."""
