-- Whom a breach concerns, and the letters to them. People are opaque references; what could name them lies in the vault.

-- The subject index, derived from what product services tell: distinct facts, so that order and repetition do not
-- matter. Rebuilt by reading its topics again.
CREATE TABLE subject_fact (
    controller_id text NOT NULL,
    processor_id text NOT NULL,
    subject text NOT NULL,             -- subject token of that processor
    category text NOT NULL,            -- empty: not told; of an erasure: all
    kind text NOT NULL CHECK (kind IN ('created', 'updated', 'erased', 'restored')),
    place timestamptz NOT NULL,        -- the instant; of updates, of which the first and the last are kept: a fixed one
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (controller_id, processor_id, subject, category, kind, place)
) WITH (fillfactor = 85);

-- Erasures that were verified: told with the end of a request. Named by the vault afterwards, while it still can.
CREATE TABLE verified_erasure (
    dsr_id uuid NOT NULL,
    controller_id text NOT NULL,
    processor_id text NOT NULL,
    at timestamptz NOT NULL,
    erased boolean NOT NULL,           -- rows had been there
    tokens text[],                     -- as the processor's subject events name the person; null: not looked up yet
    refs text[],                       -- as searches do; empty: the vault could not tell any more
    PRIMARY KEY (dsr_id, processor_id)
) WITH (fillfactor = 70);
CREATE INDEX erasure_unnamed ON verified_erasure (dsr_id) WHERE tokens IS NULL;
CREATE INDEX erasure_of_processor ON verified_erasure (controller_id, processor_id);

-- What a person says that an incident reaches. Append-only but for what came of it.
CREATE TABLE scope (
    case_id uuid NOT NULL REFERENCES breach_case,
    number integer NOT NULL,
    controller_id text NOT NULL,
    content text NOT NULL,             -- window and processors: canonical JSON
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    counted_at timestamptz,            -- null: searches are out, or it is being counted
    lower bigint,
    upper bigint,                      -- null: nobody can tell
    digest text,
    added bigint,                      -- against the scope before
    removed bigint,
    PRIMARY KEY (case_id, number),
    CHECK ((counted_at IS NULL) = (lower IS NULL))
);
CREATE INDEX scope_open ON scope (asked_at) WHERE counted_at IS NULL;

-- Who came out. `part`: people of different parts cannot be told to be the same; empty: those of searched processors.
CREATE TABLE concerned (
    case_id uuid NOT NULL,
    number integer NOT NULL,
    part text NOT NULL,
    subject text NOT NULL,
    certain boolean NOT NULL,
    PRIMARY KEY (case_id, number, part, subject),
    FOREIGN KEY (case_id, number) REFERENCES scope
);

-- What whoever reads processors was asked. Its finding lies in the vault under `task_id` until it is of no more use.
CREATE TABLE search (
    task_id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES breach_case,
    number integer NOT NULL,           -- of the scope, or of the mailing
    search text NOT NULL CHECK (search IN ('locate', 'contact')),
    controller_id text NOT NULL,
    processor_id text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    answered_at timestamptz,
    failure text,                      -- a code, where it could not be done
    people bigint NOT NULL DEFAULT 0,
    pages integer NOT NULL DEFAULT 0,
    fed integer NOT NULL DEFAULT 0,    -- pages of contacts that letters were ordered from
    document_id uuid,
    shredded_at timestamptz
);
CREATE INDEX search_of ON search (case_id, search, number);
CREATE INDEX search_kept ON search (task_id) WHERE shredded_at IS NULL;

-- Letters to data subjects (GDPR Art. 34): what they say, on whose word, how far they are.
CREATE TABLE mailing (
    case_id uuid NOT NULL REFERENCES breach_case,
    number integer NOT NULL,
    scope integer NOT NULL,
    controller_id text NOT NULL,
    occurrence integer NOT NULL,       -- nobody gets two letters about one occurrence
    content text NOT NULL,             -- what the letters say, by language: JSON
    ordered_by text NOT NULL,
    ordered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL DEFAULT 'asking' CHECK (state IN (
        'asking',                      -- -> sending: contacts are being read
        'sending',                     -- -> told, stopped
        'told',
        'stopped'                      -- an exemption holds, or nobody could be reached
    )),
    ended_at timestamptz,
    reason text,
    PRIMARY KEY (case_id, number)
);
CREATE INDEX mailing_open ON mailing (ordered_at) WHERE state IN ('asking', 'sending');

-- Where the sealed contact of each recipient is to be found. No address is here.
CREATE TABLE addressee (
    case_id uuid NOT NULL,
    person uuid NOT NULL,              -- of the address, under a key of the controller
    number integer NOT NULL,           -- of the mailing
    subject text NOT NULL,             -- by which the person was found to be concerned
    task_id uuid NOT NULL,
    page integer NOT NULL,
    PRIMARY KEY (case_id, number, person)
);

-- Incidents whose sealed descriptions were destroyed when their retention was over.
CREATE TABLE shredded_incident (
    incident_id uuid PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
