-- Sagas, their tasks, what was said about them, what falls due, and what they prove. No personal data: identifiers and
-- documents lie in the vault, under its keys.

CREATE TABLE register_version (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256 bytea NOT NULL,
    content json NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    loaded_by text NOT NULL
);
COMMENT ON TABLE register_version IS 'Every version of the register that was ever in force; the highest id is in force';

-- What never changes of a saga lies apart, so that a step rewrites a short row.
CREATE TABLE saga_fact (
    id uuid PRIMARY KEY,
    subject_ref uuid NOT NULL,
    "right" text NOT NULL,
    export_first boolean NOT NULL,
    country text NOT NULL,
    channel text NOT NULL,
    identity text NOT NULL,
    identifier_kinds text[] NOT NULL,
    received_at timestamptz NOT NULL,
    accepted_at timestamptz NOT NULL,
    due_legal timestamptz NOT NULL,
    clock text NOT NULL            -- rule, derivation, whether unsure: canonical JSON
);

CREATE TABLE saga (
    id uuid PRIMARY KEY,
    controller_id text NOT NULL,
    due_strict timestamptz NOT NULL,
    state text NOT NULL,           -- received -> fulfilling -> verifying -> answered -> closed; see docs/sagas.md
    version integer NOT NULL,
    register_id integer REFERENCES register_version,
    checked_register_id integer NOT NULL DEFAULT 0,  -- the scope was compared with this version
    alarm smallint NOT NULL DEFAULT 0,
    alerts text[] NOT NULL DEFAULT '{}',
    open_incidents integer NOT NULL DEFAULT 0,
    result text,
    answered_at timestamptz,
    closed_at timestamptz,
    shredded_at timestamptz,
    audit_seq integer NOT NULL,
    audit_head bytea NOT NULL,
    CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
    CHECK (closed_at IS NULL OR open_incidents = 0)
) WITH (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
-- no index names a column that changes while a saga runs, so that those updates stay on their page
CREATE INDEX saga_open ON saga (due_strict, id) WHERE closed_at IS NULL;
CREATE INDEX saga_of_controller ON saga (controller_id, due_strict, id);
CREATE INDEX saga_with_incident ON saga (due_strict, id) WHERE open_incidents > 0;
CREATE INDEX saga_unchecked ON saga (checked_register_id, id) WHERE closed_at IS NULL;

CREATE TABLE task (
    saga_id uuid NOT NULL,
    id uuid NOT NULL,              -- derived from saga, processor, verb and round
    processor_id text NOT NULL,
    verb text NOT NULL,
    round smallint NOT NULL,
    after uuid[] NOT NULL,
    register_id integer NOT NULL,
    tokens text[] NOT NULL,        -- subject tokens; emptied when the vault's key is shredded
    status text NOT NULL,
    attempt integer NOT NULL,
    answered integer NOT NULL,
    tries smallint NOT NULL,
    looks smallint NOT NULL,
    due_at timestamptz,
    expected_by timestamptz,
    gone_by timestamptz,
    settled_at timestamptz,
    answer text,                   -- the acknowledgement that counts: JSON
    proposal text,
    exception text,
    code text,
    PRIMARY KEY (saga_id, id)
) WITH (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX task_with_incident ON task (processor_id, saga_id) WHERE status = 'incident';

-- What counted. A task id is derived from its saga's, so this is unique per task, attempt and kind: an attempt has at
-- most one promise (accepted) and one answer.
CREATE TABLE ack (
    saga_id uuid NOT NULL,
    task_id uuid NOT NULL,
    attempt integer NOT NULL,
    promise boolean NOT NULL,
    message_id uuid NOT NULL,
    outcome text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (saga_id, task_id, attempt, promise)
);

-- What did not count: duplicates that say something else, late ones, ones of before a newer attempt.
CREATE TABLE stray_ack (
    message_id uuid PRIMARY KEY,
    saga_id uuid NOT NULL,
    task_id uuid NOT NULL,
    attempt integer NOT NULL,
    outcome text NOT NULL,
    reason text NOT NULL,
    content text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX stray_ack_of_saga ON stray_ack (saga_id);

-- The next moment of each saga. One row that moves: a deadline is never a message in a queue.
CREATE TABLE timer (
    saga_id uuid PRIMARY KEY,
    due_at timestamptz NOT NULL,
    kind text NOT NULL,
    task_id uuid
) WITH (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.01);
CREATE INDEX timer_due ON timer (due_at);

CREATE TABLE incident (
    id uuid PRIMARY KEY,
    saga_id uuid,
    controller_id text,
    processor_id text,
    task_id uuid,
    code text NOT NULL,
    detail text NOT NULL DEFAULT '',
    opened_at timestamptz NOT NULL,
    resolved_at timestamptz,
    resolved_by text
);
CREATE INDEX incident_open ON incident (opened_at, id) WHERE resolved_at IS NULL;
CREATE INDEX incident_of_saga ON incident (saga_id);

-- One chain per saga. Append-only: rewriting it would show against the seals, and the trigger stops mistakes.
CREATE TABLE audit_event (
    saga_id uuid NOT NULL,
    seq integer NOT NULL,
    hash bytea NOT NULL,
    content text NOT NULL,         -- canonical JSON, exactly what was hashed
    PRIMARY KEY (saga_id, seq)
);

CREATE TABLE certificate (
    saga_id uuid PRIMARY KEY,
    sha256 bytea NOT NULL,
    document text NOT NULL         -- canonical JSON {"certificate": …, "signature": …}, exactly what was hashed
);

CREATE TABLE signing_key (
    key_id text PRIMARY KEY,
    public_pem text NOT NULL,
    first_used_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Heads of chains that changed, one row per transaction, until they are under a seal.
CREATE TABLE unsealed (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    saga_ids uuid[] NOT NULL,
    seqs integer[] NOT NULL,
    heads bytea[] NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.01);

CREATE TABLE seal (
    number integer PRIMARY KEY,
    at timestamptz NOT NULL,
    chains integer NOT NULL,
    root bytea NOT NULL,
    previous bytea NOT NULL,
    key_id text NOT NULL,
    signature text NOT NULL,
    saga_ids uuid[] NOT NULL,      -- the leaves, in order
    seqs integer[] NOT NULL,
    heads bytea[] NOT NULL
);
CREATE INDEX seal_at ON seal (at);

CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: what was recorded stays recorded', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON certificate
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seal
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON register_version
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
