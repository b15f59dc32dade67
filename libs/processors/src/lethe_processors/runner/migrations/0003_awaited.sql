-- Jobs of vendors who promised to call back: one row per job and task. `reference` is a hash of the vendor's id.
CREATE TABLE awaited (
    processor_id text        NOT NULL,
    reference    bytea       NOT NULL CHECK (length(reference) = 32),
    task_id      uuid        NOT NULL,
    task         json        NOT NULL,
    since        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (processor_id, reference, task_id)
);
CREATE INDEX awaited_of_task ON awaited (task_id);
CREATE INDEX awaited_since ON awaited (since);

-- What a vendor said of a job, the first time that it said more than "running". It may come before the job is known here.
CREATE TABLE called_back (
    processor_id text        NOT NULL,
    reference    bytea       NOT NULL CHECK (length(reference) = 32),
    said         text        NOT NULL,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (processor_id, reference)
);
CREATE INDEX called_back_at ON called_back (at);
