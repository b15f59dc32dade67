-- Which tasks a processor was asked to carry out. Between `intended` and `done` nobody knows whether it did.
CREATE TABLE effect (
    task_id        uuid        PRIMARY KEY,
    processor_id   text        NOT NULL,
    state          text        NOT NULL DEFAULT 'intended'
                   CHECK (state IN (
                       'intended',  -- → done (answer on record), → gone (the ask surely changed nothing)
                       'done'
                   )),
    asks           integer     NOT NULL DEFAULT 1,
    first_asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_asked_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at        timestamptz,
    CONSTRAINT effect_done_has_its_time CHECK ((state = 'done') = (done_at IS NOT NULL))
) WITH (fillfactor = 80);

CREATE INDEX effect_unanswered ON effect (first_asked_at) WHERE state = 'intended';
