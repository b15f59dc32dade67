-- Holds of whole controllers, across their requests. A person is named by tokens under a key of this purpose alone.
CREATE TABLE legal_hold (
    id uuid PRIMARY KEY,
    controller_id text NOT NULL,
    ground text NOT NULL,
    article text NOT NULL,
    matter text NOT NULL,          -- a code of the controller's own
    processors text[] NOT NULL,    -- none: all of them
    categories text[] NOT NULL,    -- none: whole erasures
    people text[],                 -- tokens of one person's identifiers; null: everybody's requests
    placed_by text NOT NULL,
    placed_at timestamptz NOT NULL,
    approved_by text,
    since timestamptz,             -- in force from here
    lifting_by text,
    lifted_by text,
    until timestamptz,             -- and to here
    sweep_due timestamptz,         -- how far the sweep over open sagas has come that began with its approval
    sweep_id uuid,
    CHECK (approved_by IS NULL OR approved_by <> placed_by),
    CHECK (lifted_by IS NULL OR lifted_by <> lifting_by),
    CHECK ((approved_by IS NULL) = (since IS NULL) AND (lifted_by IS NULL) = (until IS NULL))
);
CREATE INDEX legal_hold_of_controller ON legal_hold (controller_id, placed_at, id);
CREATE INDEX legal_hold_in_force ON legal_hold (controller_id) WHERE since IS NOT NULL AND until IS NULL;

-- Grows with every change of what is in force: whoever holds an older number in memory reads anew.
CREATE TABLE hold_change (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hold_id uuid NOT NULL REFERENCES legal_hold,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE held_saga (
    hold_id uuid NOT NULL REFERENCES legal_hold,
    saga_id uuid NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz,
    PRIMARY KEY (hold_id, saga_id)
);
CREATE INDEX held_saga_now ON held_saga (hold_id, saga_id) WHERE until IS NULL;

-- What processors keep of sagas that closed, as they said last. What has a date is erased when it comes.
CREATE TABLE kept_part (
    saga_id uuid NOT NULL,
    number integer NOT NULL,       -- of the closing
    controller_id text NOT NULL,
    processor_id text NOT NULL,
    collection text NOT NULL,
    category text NOT NULL,
    rows bigint NOT NULL,
    ground text NOT NULL,
    article text NOT NULL,
    until timestamptz,             -- null: until the ground itself ends
    since timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX kept_part_of_saga ON kept_part (saga_id, number);
CREATE INDEX kept_part_due ON kept_part (controller_id, until, saga_id) WHERE ended_at IS NULL;

-- A saga that is opened anew for what it kept closes again, with a further certificate.
ALTER TABLE certificate ADD COLUMN number integer NOT NULL DEFAULT 1;
ALTER TABLE certificate DROP CONSTRAINT certificate_pkey;
ALTER TABLE certificate ADD PRIMARY KEY (saga_id, number);
