-- Who is alive. An instance holds the session-level advisory lock `lock_key` for as long as it lives:
-- whoever can take that lock knows that the session, and so the instance, is gone.
CREATE TABLE instance (
    instance_id uuid PRIMARY KEY,
    service text NOT NULL,
    lock_key bigint NOT NULL UNIQUE,
    consuming boolean NOT NULL DEFAULT false,   -- wants a share of the slots
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Who owns partition `slot` of every topic. The epoch grows with each change of owner.
CREATE TABLE lease (
    slot integer PRIMARY KEY CHECK (slot >= 0),
    owner uuid,
    epoch bigint NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01);

-- How far each partition is handled: advanced by compare-and-set in the transaction of the effects.
CREATE TABLE consumer_offset (
    topic text NOT NULL,
    part integer NOT NULL CHECK (part >= 0),
    next_offset bigint NOT NULL CHECK (next_offset >= 0),
    owner_epoch bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, part)
) WITH (fillfactor = 30, autovacuum_vacuum_scale_factor = 0.01);

-- What committed work still has to publish: one row per unit of work, gone once the broker has it.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    writer uuid NOT NULL,
    relayed boolean NOT NULL DEFAULT false,     -- the writer leaves it to the relay
    records integer NOT NULL CHECK (records > 0),
    chunk bytea NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT '-infinity',
    written_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.1);
-- a chunk is compressed by its writer
ALTER TABLE outbox ALTER COLUMN chunk SET STORAGE EXTERNAL;

-- What could not be handled, for a person. The value stays here and goes nowhere else.
CREATE TABLE parked_message (
    topic text NOT NULL,
    part integer NOT NULL,
    record_offset bigint NOT NULL,
    key bytea,
    headers jsonb NOT NULL,                     -- [[name, base64 of the value], …]
    value bytea,
    code text NOT NULL,
    detail text NOT NULL,
    state text NOT NULL DEFAULT 'parked'
        CHECK (state IN (
            'parked',                           -- waits for a person
            'retried',                          -- parked -> retried: sent to its topic again
            'discarded'                         -- parked -> discarded: with a reason
        )),
    note text,
    first_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, part, record_offset)
);
CREATE INDEX parked_open ON parked_message (topic, code) WHERE state = 'parked';
