-- What was recorded about who asks; only for requests where there was something to record.
-- Of a code only a keyed hash is here, and of a document that somebody looked at only that it was.
CREATE TABLE identity_check (
    controller_id   text NOT NULL,
    dsr_id          uuid NOT NULL,
    doubt           text,                               -- code of the reason (Art. 12(6)); NULL: none
    mandate         text,                               -- an agent's authority, by its reference
    verified_at     timestamptz,
    method          text,
    verified_by     text,
    code_id         uuid,                               -- the newest code; older ones are void
    code_hash       bytea CHECK (length(code_hash) = 32),
    code_channel    text,
    code_language   text,
    code_expires_at timestamptz,
    code_sent_at    timestamptz,
    attempts        smallint NOT NULL DEFAULT 0,        -- at the newest code
    day_began       timestamptz,                        -- of the day in which codes are counted
    codes_of_day    smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (controller_id, dsr_id),
    FOREIGN KEY (controller_id, dsr_id) REFERENCES dsr,
    CONSTRAINT verified_by_some_method CHECK ((verified_at IS NULL) = (method IS NULL))
) WITH (fillfactor = 70);

-- How often codes were asked for and tried. Written by every call, so that a call about nobody costs a write too.
CREATE TABLE code_tally (
    slot  smallint PRIMARY KEY,
    asked bigint NOT NULL DEFAULT 0,
    tried bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO code_tally (slot) SELECT generate_series(0, 63);
