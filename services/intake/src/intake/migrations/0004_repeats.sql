-- By which keyed hashes people are known whose requests are open, or were answered lately. One row per controller,
-- right and identifier; without the key of this service nobody can find out whose it is. Dropped some time after the
-- last request (LETHE_INTAKE_REPEATS_KEPT).
CREATE TABLE known_person (
    controller_id text NOT NULL,
    person        bytea NOT NULL CHECK (length(person) = 16),
    dsr_id        uuid NOT NULL,                    -- the open one; once it is over, the next takes its place
    last_at       timestamptz NOT NULL,
    requests      integer NOT NULL DEFAULT 1,
    PRIMARY KEY (controller_id, person)
);

ALTER TABLE dsr
    ADD COLUMN repeats uuid,                        -- the request of the same person and right that was open then
    ADD COLUMN patterns text,                       -- comma-separated, Art. 12(5): for a person to decide on
    ADD COLUMN requests integer;                    -- of that person and right so far, where it was not the first
CREATE INDEX repeats_of ON dsr (repeats) WHERE repeats IS NOT NULL;

-- Requests that were answered with one that was open already. The same request again gets the same answer.
CREATE TABLE attached (
    controller_id   text NOT NULL,
    idempotency_key bytea NOT NULL CHECK (length(idempotency_key) = 16),
    fingerprint     bytea NOT NULL CHECK (length(fingerprint) = 32),
    dsr_id          uuid NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (controller_id, idempotency_key)
);
