-- Cases of personal data breaches, what was seen, what was written, who was called. No personal data of the people
-- affected: descriptions lie sealed in the vault, findings stay at their source.

CREATE TABLE breach_case (
    id uuid PRIMARY KEY,
    incident_id uuid NOT NULL,
    controller_id text NOT NULL,
    state text NOT NULL,           -- see docs/breach-cases.md
    version integer NOT NULL,
    opened_at timestamptz NOT NULL,
    due timestamptz NOT NULL,      -- the target where a clock runs or ran, else when the suspicion should be decided
    alerts text[] NOT NULL,
    content text NOT NULL,         -- the whole case: canonical JSON
    audit_seq integer NOT NULL,
    audit_head bytea NOT NULL
) WITH (fillfactor = 75);
CREATE INDEX case_open ON breach_case (due, id) WHERE state NOT IN ('dismissed', 'closed');
CREATE INDEX case_of_controller ON breach_case (controller_id, opened_at, id);

-- One chain per case (GDPR Art. 33(5)). Append-only.
CREATE TABLE case_event (
    case_id uuid NOT NULL REFERENCES breach_case,
    seq integer NOT NULL,
    hash bytea NOT NULL,
    content text NOT NULL,         -- canonical JSON, exactly what was hashed
    PRIMARY KEY (case_id, seq)
);

-- The next moment of each case. One row that moves: a clock is never a message in a queue.
CREATE TABLE timer (
    case_id uuid PRIMARY KEY REFERENCES breach_case,
    due_at timestamptz NOT NULL
) WITH (fillfactor = 75);
CREATE INDEX timer_due ON timer (due_at);

-- Distinct signals, kept longer than their topic keeps them: the same one counts once, however often it is delivered.
CREATE TABLE signal (
    id uuid PRIMARY KEY,
    controller_id text NOT NULL,
    asset text NOT NULL,
    actor text NOT NULL,
    rule text NOT NULL,
    at timestamptz NOT NULL,
    severity smallint NOT NULL,
    records bigint,
    source text NOT NULL,
    suppressed boolean NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX signal_window ON signal (controller_id, asset, actor, rule, at);
CREATE INDEX signal_recorded ON signal (recorded_at);

-- What the rules made of signals: hits of one rule on one asset. Each opened a case of the same incident id.
CREATE TABLE incident (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL,
    controller_id text NOT NULL,
    rule text NOT NULL,
    asset text NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    hits bigint NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 75);
CREATE INDEX incident_of_controller ON incident (controller_id, opened_at);

-- Each hit once, so that its incident counts it once.
CREATE TABLE hit (
    anchor uuid PRIMARY KEY,
    incident_id uuid NOT NULL REFERENCES incident,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX hit_recorded ON hit (recorded_at);

-- Versions of notices to authorities, by the hash of their content.
CREATE TABLE notice (
    case_id uuid NOT NULL REFERENCES breach_case,
    number integer NOT NULL,
    sha256 bytea NOT NULL,
    content text NOT NULL,         -- canonical JSON, exactly what was hashed
    drafted_at timestamptz NOT NULL,
    drafted_by text NOT NULL,
    PRIMARY KEY (case_id, number),
    UNIQUE (case_id, sha256)
);

-- What was filed where, for the register of a year. What it means for the case stands in its chain.
CREATE TABLE filing (
    case_id uuid NOT NULL REFERENCES breach_case,
    authority text NOT NULL,
    notice integer NOT NULL,
    reference text NOT NULL,
    copy_sha256 text NOT NULL,
    filed_at timestamptz NOT NULL,
    filed_by text NOT NULL,
    late boolean NOT NULL,
    PRIMARY KEY (case_id, authority, notice)
);

-- Whom on-call has to hear from us. Written with the event that calls, sent afterwards, tried until it is taken.
CREATE TABLE call (
    id uuid NOT NULL,
    receiver text NOT NULL,
    case_id uuid NOT NULL REFERENCES breach_case,
    controller_id text NOT NULL,
    about text NOT NULL,
    resolves boolean NOT NULL,
    state text NOT NULL,           -- of the case when it was written
    due timestamptz,
    created_at timestamptz NOT NULL,
    next_at timestamptz,           -- null: taken, or given up
    tries smallint NOT NULL DEFAULT 0,
    taken_at timestamptz,
    trouble text,
    PRIMARY KEY (id, receiver)
) WITH (fillfactor = 75);
CREATE INDEX call_due ON call (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX call_of_case ON call (case_id);

CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: what was recorded stays recorded', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON case_event
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON notice
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON filing
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
