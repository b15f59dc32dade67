-- Calls of people that rungs of a controller's ladder ask for: one per receiver, stored with the rung.
CREATE TABLE call_out (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    saga_id uuid NOT NULL,
    controller_id text NOT NULL,
    rung text NOT NULL,
    calls text NOT NULL,
    receiver text NOT NULL,
    due_at timestamptz NOT NULL,   -- when the rung was to ring
    at timestamptz NOT NULL,       -- when it rang
    tries integer NOT NULL DEFAULT 0,
    next_try timestamptz NOT NULL,
    made_at timestamptz,
    trouble text,
    UNIQUE (saga_id, rung, receiver)
);
CREATE INDEX call_out_due ON call_out (next_try) WHERE made_at IS NULL;
