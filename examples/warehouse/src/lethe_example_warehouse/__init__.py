"""An example of a Kafka-native processor: a warehouse with a store of its own."""
