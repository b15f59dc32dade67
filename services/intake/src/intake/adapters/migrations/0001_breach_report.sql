-- Reports of what may be a personal data breach. What was written lies sealed in the vault under breach_id; nothing here
-- names anybody affected.
CREATE TABLE breach_report (
    breach_id       uuid PRIMARY KEY,                                     -- version 7: in order of acceptance
    controller_id   text NOT NULL,                                        -- the first one that the report names
    idempotency_key bytea NOT NULL CHECK (length(idempotency_key) = 16),  -- keyed hash of what the caller sent
    fingerprint     bytea NOT NULL CHECK (length(fingerprint) = 32),      -- keyed hash of the report
    reporter        text NOT NULL,
    reported_by     text NOT NULL,                                        -- the caller's own opaque name
    accepted_at     timestamptz NOT NULL,
    CONSTRAINT one_report_per_idempotency_key UNIQUE (controller_id, idempotency_key)
);
