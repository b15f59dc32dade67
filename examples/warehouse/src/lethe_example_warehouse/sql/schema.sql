-- A person is an account, known by subject tokens. A parcel and an address also carry the token of the e-mail that
-- stands on the label, so that what is left can be found without the account.
CREATE TABLE IF NOT EXISTS account (
    id              INTEGER PRIMARY KEY,
    customer_token  TEXT NOT NULL UNIQUE,
    email_token     TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS account_email ON account (email_token);

CREATE TABLE IF NOT EXISTS address (
    id              INTEGER PRIMARY KEY,
    account_id      INTEGER NOT NULL,
    label_token     TEXT NOT NULL,
    recipient       TEXT NOT NULL,
    street          TEXT NOT NULL,
    city            TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS address_account ON address (account_id);
CREATE INDEX IF NOT EXISTS address_label ON address (label_token);

CREATE TABLE IF NOT EXISTS parcel (
    id              INTEGER PRIMARY KEY,
    account_id      INTEGER NOT NULL,
    label_token     TEXT NOT NULL,
    contents        TEXT NOT NULL,
    weight_g        INTEGER NOT NULL,
    driver          TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS parcel_account ON parcel (account_id);
CREATE INDEX IF NOT EXISTS parcel_label ON parcel (label_token);

-- What Lethe has not been told yet. Written with the rows it tells about, deleted when Kafka has it.
CREATE TABLE IF NOT EXISTS announcement (
    id              INTEGER PRIMARY KEY,
    token           TEXT NOT NULL
) STRICT;
