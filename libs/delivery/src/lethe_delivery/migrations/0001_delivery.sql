-- Who carries deliveries. An instance holds the session-level advisory lock `lock_key` for as long as it lives:
-- whoever can take that lock knows that it is gone. One that is frozen is told by `seen_at`.
CREATE TABLE delivery_instance (
    instance_id uuid PRIMARY KEY,
    lock_key bigint NOT NULL UNIQUE,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row per letter and recipient, for ever: it is what keeps a second letter from being written.
-- No address is here: `recipient_ref` is redeemed by the caller when the letter is composed.
CREATE TABLE delivery (
    id uuid PRIMARY KEY,                        -- uuid5 of purpose and recipient_ref; also in the Message-ID
    channel text NOT NULL,                      -- email, sms
    purpose text NOT NULL,                      -- which letter of which matter: 'breach/<id>/subjects/1'
    recipient_ref uuid NOT NULL,
    matter uuid NOT NULL,                       -- the request or breach that it belongs to
    letter text NOT NULL,                       -- kind of letter, for whoever composes it
    on_doubt text NOT NULL CHECK (on_doubt IN (
        'resend',                               -- at least once: the same Message-ID again, counted in `repeats`
        'hold'                                  -- at most once: waits for a person, or for a log of what was accepted
    )),
    state text NOT NULL DEFAULT 'queued' CHECK (state IN (
        'queued',                               -- -> claimed
        'claimed',                              -- -> sending, queued; nothing of it has left the house
        'sending',                              -- -> sent, queued, failed, uncertain; committed before DATA
        'sent',                                 -- -> bounced; the reply is the proof
        'bounced',                              -- a report came back that it was not delivered
        'failed',                               -- refused for good, unreachable, or given up
        'uncertain'                             -- -> sent, queued, failed; it may have been accepted
    )),
    owner uuid,
    attempts integer NOT NULL DEFAULT 0,
    repeats integer NOT NULL DEFAULT 0,         -- times that it was sent again although it may have been accepted
    not_before timestamptz NOT NULL DEFAULT '-infinity',
    queued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    began_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    content_sha256 text,                        -- of the message as it was handed over
    message_id text,
    reply text,                                 -- the last one, without addresses
    UNIQUE (purpose, recipient_ref),
    CHECK ((owner IS NOT NULL) = (state IN ('claimed', 'sending')))
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX delivery_due ON delivery (channel, not_before, id) WHERE state = 'queued';
CREATE INDEX delivery_owned ON delivery (owner) WHERE owner IS NOT NULL;
CREATE INDEX delivery_doubt ON delivery (channel, changed_at) WHERE state = 'uncertain';
CREATE INDEX delivery_matter ON delivery (matter, state);

-- What came of each attempt. Written when it is known, never deleted.
CREATE TABLE delivery_attempt (
    delivery_id uuid NOT NULL REFERENCES delivery (id),
    number integer NOT NULL CHECK (number > 0),
    began_at timestamptz,
    ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome text NOT NULL CHECK (outcome IN ('sent', 'transient', 'permanent', 'uncertain', 'found_accepted', 'found_missing')),
    reply text NOT NULL,
    content_sha256 text,
    PRIMARY KEY (delivery_id, number)
);

-- How many may still be claimed now, per channel; shared by all instances.
CREATE TABLE delivery_rate (
    channel text PRIMARY KEY,
    tokens double precision NOT NULL,
    refilled_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
