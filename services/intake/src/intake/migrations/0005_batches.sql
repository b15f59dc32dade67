-- One request for several people, by an account holder: the parent of one DSR per person.
CREATE TABLE dsr_batch (
    controller_id   text NOT NULL,
    batch_id        uuid NOT NULL,
    idempotency_key bytea NOT NULL CHECK (length(idempotency_key) = 16),
    people          integer NOT NULL,                -- rows of the largest file sent under this key
    begun_at        timestamptz NOT NULL,
    begun_by        text NOT NULL,
    PRIMARY KEY (controller_id, batch_id),
    CONSTRAINT one_batch_per_idempotency_key UNIQUE (controller_id, idempotency_key)
);
ALTER TABLE dsr ADD COLUMN parent_id uuid;
CREATE INDEX dsr_of_parent ON dsr (parent_id) WHERE parent_id IS NOT NULL;
