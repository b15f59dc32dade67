-- One sealed DSR. After shredding only its id and the two instants remain, so that the same id is never sealed again.
CREATE TABLE sealed (
    dsr_id        uuid PRIMARY KEY,
    subject_ref   uuid,
    controller_id text,
    key_id        text,   -- the master key that wraps the data key
    wrapped_key   bytea,  -- the data key; without it nothing of this DSR can be read
    ciphertext    bytea,  -- identifiers and note
    sealed_at     timestamptz NOT NULL DEFAULT now(),
    shredded_at   timestamptz,
    CONSTRAINT sealed_whole_or_shredded_whole CHECK (
        CASE WHEN shredded_at IS NULL
            THEN num_nulls(subject_ref, controller_id, key_id, wrapped_key, ciphertext) = 0
            ELSE num_nonnulls(subject_ref, controller_id, key_id, wrapped_key, ciphertext) = 0
        END)
);
-- Destroyed keys must leave the pages soon: a dead row is vacuumed after a few, not after a fifth of the table.
ALTER TABLE sealed SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 50);

-- Subject-token keys, one per processor, wrapped like data keys.
CREATE TABLE processor_key (
    processor_id text PRIMARY KEY,
    key_id       text NOT NULL,
    wrapped_key  bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);

-- Who asked to open what, and for which task. Written and committed before anything can be collected; never changed.
CREATE SEQUENCE ticket;
CREATE TABLE redemption (
    ticket       bigint NOT NULL,
    position     integer NOT NULL,
    redeemer     text NOT NULL,                       -- what the service calls itself
    role         text NOT NULL DEFAULT session_user,  -- what it logged in as
    reason       text NOT NULL,
    dsr_id       uuid,
    task_id      uuid,
    document_id  uuid,
    processor_id text,
    found        boolean NOT NULL,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    xact         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (ticket, position)
);
CREATE INDEX redemption_of_dsr ON redemption (dsr_id);

CREATE FUNCTION redemption_is_history() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the record of redemptions is append-only';
END $$;
CREATE TRIGGER redemption_is_history BEFORE UPDATE OR DELETE OR TRUNCATE ON redemption
    FOR EACH STATEMENT EXECUTE FUNCTION redemption_is_history();

-- One writing of a document. A document points at its newest finished upload; the others are swept.
CREATE TABLE upload (
    upload_id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    document_id uuid NOT NULL,
    dsr_id      uuid NOT NULL REFERENCES sealed,
    name        text NOT NULL CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,127}$'),
    media_type  text NOT NULL CHECK (media_type ~ '^[a-z0-9.+-]+/[a-z0-9.+-]+$'),
    salt        bytea NOT NULL CHECK (length(salt) = 16),
    started_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX upload_of_dsr ON upload (dsr_id);

CREATE TABLE chunk (
    upload_id  uuid NOT NULL REFERENCES upload ON DELETE CASCADE,
    position   integer NOT NULL CHECK (position >= 0),
    ciphertext bytea NOT NULL,
    PRIMARY KEY (upload_id, position)
);
ALTER TABLE chunk ALTER COLUMN ciphertext SET STORAGE EXTERNAL;  -- ciphertext does not compress

CREATE TABLE document (
    document_id uuid PRIMARY KEY,
    upload_id   uuid NOT NULL UNIQUE REFERENCES upload,
    dsr_id      uuid NOT NULL REFERENCES sealed,
    size        bigint NOT NULL CHECK (size >= 0),
    sha256      text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    chunks      integer NOT NULL CHECK (chunks > 0),
    stored_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX document_of_dsr ON document (dsr_id);
