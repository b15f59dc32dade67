-- Subject tokens of Kafka-native processors whose absence was seen, until the vault's key is shredded: a sign of life
-- after that is a reason to look. A token names a person only to who holds the processor's key.
CREATE TABLE erased_token (
    processor_id text NOT NULL,
    token text NOT NULL,
    saga_id uuid NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (processor_id, token)
);
CREATE INDEX erased_token_of_saga ON erased_token (saga_id);
