-- What people said of each purpose, at which processor, as its product service told it (Art. 7(1): it can be shown).
-- A subject token names a person only to who holds the processor's key. Entries are never changed; what was said last
-- counts. `dsr_id`: the request that carries a withdrawal to everybody else.
CREATE TABLE consent (
    controller_id text NOT NULL,
    processor_id text NOT NULL,
    subject_token text NOT NULL,
    purpose text NOT NULL,
    state text NOT NULL CHECK (state IN ('granted', 'withdrawn')),
    said_by text NOT NULL,
    at timestamptz NOT NULL,
    dsr_id uuid,
    taken_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (processor_id, subject_token, purpose, at, state, controller_id)
);
