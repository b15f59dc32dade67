-- What people did to messaging: one chain per schema, each row over the hash of the one before. Append-only.
CREATE TABLE operation (
    seq bigint PRIMARY KEY,
    hash bytea NOT NULL,
    content text NOT NULL                       -- canonical JSON, exactly what was hashed
);
CREATE FUNCTION operation_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'operation is append-only: what was recorded stays recorded' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER operation_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON operation
    FOR EACH STATEMENT EXECUTE FUNCTION operation_stays();

-- A correction waits beside the message until somebody else sends it.
ALTER TABLE parked_message ADD COLUMN edited_value bytea, ADD COLUMN edited_headers jsonb, ADD COLUMN edited_by text;
ALTER TABLE parked_message DROP CONSTRAINT parked_message_state_check;
ALTER TABLE parked_message ADD CONSTRAINT parked_message_state_check CHECK (state IN (
    'parked',                                   -- waits for a person
    'retried',                                  -- parked -> retried: sent to its topic again
    'discarded',                                -- parked -> discarded: with a reason
    'expired'                                   -- parked -> expired: nobody decided within the retention
));
CREATE INDEX parked_content ON parked_message (changed_at) WHERE value IS NOT NULL OR key IS NOT NULL;
