-- Searches for the case of a breach: of whom a processor held data, how people can be reached. What is found lies sealed
-- in the vault; here are counts. A row stays: asked again, at any later time, it is answered as before.
CREATE TABLE search (
    task_id      uuid        PRIMARY KEY,
    processor_id text        NOT NULL,
    state        text        NOT NULL DEFAULT 'waiting' CHECK (state IN (
                     'waiting',   -- -> running
                     'running',   -- -> answered; waiting when its owner is gone, or to be tried again
                     'answered'
                 )),
    next_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    tries        integer     NOT NULL DEFAULT 0,
    owner        uuid,
    lease_until  timestamptz,
    request      text        NOT NULL,   -- the message, as JSON
    answer       text,                   -- the same of the answer
    accepted_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((state = 'running') = (owner IS NOT NULL AND lease_until IS NOT NULL)),
    CHECK ((state = 'answered') = (answer IS NOT NULL))
);
CREATE INDEX search_due ON search (next_at) WHERE state = 'waiting';
CREATE INDEX search_owned ON search (owner) WHERE state = 'running';
