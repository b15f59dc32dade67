"""Two requests of an invented person, carried out before your eyes."""
