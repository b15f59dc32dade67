"""Real Apache Kafka and real PostgreSQL, as ordinary programs of this machine."""
