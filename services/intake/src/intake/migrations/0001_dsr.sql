-- One accepted request. Nothing here names the person: identifiers and note are sealed in the vault.
-- What was answered at acceptance (deadline, rule) never changes, so that a repeated request gets the same answer;
-- what the saga tells later is in `told`.
CREATE TABLE dsr (
    controller_id    text NOT NULL,
    dsr_id           uuid NOT NULL,                                        -- version 7: in order of acceptance
    idempotency_key  bytea NOT NULL CHECK (length(idempotency_key) = 16),  -- keyed hash of what the caller sent
    fingerprint      bytea NOT NULL CHECK (length(fingerprint) = 32),      -- keyed hash of the request
    right_asked      text NOT NULL,
    export_first     boolean NOT NULL,
    channel          text NOT NULL,
    country          text NOT NULL,
    regime           text NOT NULL,
    identity         text NOT NULL,
    identifier_kinds text NOT NULL,                                        -- comma-separated; kinds only, no values
    received_at      timestamptz NOT NULL,
    accepted_at      timestamptz NOT NULL,
    due_strict       timestamptz NOT NULL,
    due_legal        timestamptz NOT NULL,
    due_date         date NOT NULL,
    rule             text NOT NULL,
    state            text NOT NULL DEFAULT 'received',
    status_version   bigint NOT NULL DEFAULT 0,                            -- of the newest status taken over
    told             jsonb,
    PRIMARY KEY (controller_id, dsr_id),
    CONSTRAINT one_request_per_idempotency_key UNIQUE (controller_id, idempotency_key),
    CONSTRAINT not_received_after_acceptance CHECK (received_at <= accepted_at),
    CONSTRAINT strict_is_the_earlier_date CHECK (due_strict <= due_legal)
) WITH (fillfactor = 80);  -- a status updates the row a few times, in place

-- Who took a package away, and when. Kept when the DSR's data are shredded.
CREATE TABLE download (
    download_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dsr_id      uuid NOT NULL,
    document_id uuid NOT NULL,
    principal   text NOT NULL,
    at          timestamptz NOT NULL
);
CREATE INDEX download_of_dsr ON download (dsr_id);

-- Keys of this service, wrapped by the deployment's key provider.
CREATE TABLE secret (
    name        text PRIMARY KEY,
    key_id      text NOT NULL,
    wrapped_key bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
