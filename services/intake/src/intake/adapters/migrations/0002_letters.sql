-- A letter that a saga asked for: what it has to tell, by codes and dates, with what the register said then, so that it
-- is the same letter whenever it is written. No words, no address, no name.
CREATE TABLE letter (
    letter_id     uuid PRIMARY KEY,
    controller_id text NOT NULL,
    dsr_id        uuid NOT NULL,
    kind          text NOT NULL,
    language      text NOT NULL,
    facts         jsonb NOT NULL,
    delivery_id   uuid NOT NULL UNIQUE,
    asked_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    told          text                              -- the newest state that the saga was told; NULL: none yet
);
CREATE INDEX letter_of_dsr ON letter (dsr_id);
CREATE INDEX letter_untold ON letter (delivery_id) WHERE told IS NULL;

-- In which language a person is written to, where the controller said so; else the controller's own counts.
CREATE TABLE spoken (
    dsr_id   uuid PRIMARY KEY,
    language text NOT NULL
);
