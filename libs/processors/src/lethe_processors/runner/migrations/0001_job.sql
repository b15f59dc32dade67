-- The work of each processor, in the schema of the worker that does it. A row stays for good: it is what makes a
-- task that is delivered or asked again, at any later time, have no second effect. `task` is dropped when settled.
CREATE TABLE job (
    task_id         uuid        PRIMARY KEY,
    attempt         integer     NOT NULL CHECK (attempt >= 1),
    dsr_id          uuid        NOT NULL,
    processor_id    text        NOT NULL,
    verb            text        NOT NULL,
    due_at          timestamptz NOT NULL,
    state           text        NOT NULL DEFAULT 'waiting'
                    CHECK (state IN (
                        'waiting',   -- → running (claimed)
                        'running',   -- → settled (answered), → waiting (tried again later, or its owner died)
                        'settled'    -- → waiting (asked again with a higher attempt after an answer that is not final)
                    )),
    next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tries           integer     NOT NULL DEFAULT 0,
    owner           uuid,
    lease_until     timestamptz,
    final           boolean     NOT NULL DEFAULT false,
    task            json,
    answer          json,
    accepted_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at      timestamptz,
    CONSTRAINT job_running_is_owned CHECK ((state = 'running') = (owner IS NOT NULL AND lease_until IS NOT NULL)),
    CONSTRAINT job_open_has_its_task CHECK (state = 'settled' OR task IS NOT NULL),
    CONSTRAINT job_settled_has_its_answer CHECK ((state = 'settled') = (answer IS NOT NULL AND settled_at IS NOT NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.05);

CREATE INDEX job_due ON job (processor_id, verb, due_at, task_id) WHERE state = 'waiting';
CREATE INDEX job_owned ON job (owner) WHERE state = 'running';
CREATE INDEX job_open ON job (processor_id, accepted_at) WHERE state <> 'settled';
