-- name: enter_consents
-- Keep entries that are not in the ledger; gives their numbers in the order given, from 1.
WITH given AS (
    SELECT *
    FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::uuid[]
    ) WITH ORDINALITY AS g (controller_id, processor_id, subject_token, purpose, state, said_by, at, dsr_id, n)
), entered AS (
    INSERT INTO consent (controller_id, processor_id, subject_token, purpose, state, said_by, at, dsr_id)
    SELECT controller_id, processor_id, subject_token, purpose, state, said_by, at, dsr_id
    FROM given
    ORDER BY controller_id, processor_id, subject_token, purpose, at, state
    ON CONFLICT DO NOTHING
    RETURNING controller_id, processor_id, subject_token, purpose, state, at
)
SELECT n FROM given JOIN entered USING (controller_id, processor_id, subject_token, purpose, state, at);

-- name: consents_of
-- What the person behind a token said at a processor, the newest first; of two at one moment the withdrawal counts.
SELECT purpose, state, said_by, at, dsr_id
FROM consent
WHERE processor_id = $1 AND subject_token = $2 AND controller_id = ANY ($3::text[])
ORDER BY at DESC, state DESC;
