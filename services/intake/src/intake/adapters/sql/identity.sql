-- name: record_identities
-- What has to be recorded of those requests whose sender is in doubt, or an agent.
INSERT INTO identity_check (controller_id, dsr_id, doubt, mandate)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[]);

-- name: ask_code
-- Make a new code the valid one, if the request is in doubt and open, can be reached so, and may have one by now.
WITH counted AS (UPDATE code_tally SET asked = asked + 1 WHERE slot = $12)
UPDATE identity_check AS i
SET code_id = $3, code_hash = $4, code_channel = $5, code_language = $7, code_expires_at = $9, code_sent_at = $8::timestamptz,
    attempts = 0,
    day_began = CASE WHEN day_began > $8::timestamptz - interval '1 day' THEN day_began ELSE $8::timestamptz END,
    codes_of_day = CASE WHEN day_began > $8::timestamptz - interval '1 day' THEN codes_of_day + 1 ELSE 1 END
FROM dsr
WHERE i.controller_id = ANY ($2::text[]) AND i.dsr_id = $1
  AND dsr.controller_id = i.controller_id AND dsr.dsr_id = i.dsr_id
  AND dsr.state <> 'closed' AND dsr.withdrawn_at IS NULL
  AND $6 = ANY (string_to_array(dsr.identifier_kinds, ','))
  AND i.doubt IS NOT NULL AND i.verified_at IS NULL
  AND (i.code_sent_at IS NULL OR i.code_sent_at <= $8::timestamptz - $10::interval)
  AND (i.day_began IS NULL OR i.day_began <= $8::timestamptz - interval '1 day' OR i.codes_of_day < $11)
RETURNING i.controller_id;

-- name: try_code
-- Count one attempt at the valid code, if there is one and attempts are left; gives what to compare with.
WITH counted AS (UPDATE code_tally SET tried = tried + 1 WHERE slot = $5)
UPDATE identity_check AS i
SET attempts = attempts + 1
FROM dsr
WHERE i.controller_id = ANY ($2::text[]) AND i.dsr_id = $1
  AND dsr.controller_id = i.controller_id AND dsr.dsr_id = i.dsr_id
  AND dsr.state <> 'closed' AND dsr.withdrawn_at IS NULL
  AND i.code_expires_at > $3 AND i.attempts < $4
RETURNING i.controller_id, i.code_id, i.code_hash, i.code_channel;

-- name: verified
-- The person is who they say; only the first time is kept.
UPDATE identity_check
SET verified_at = $3, method = $4, verified_by = $5, mandate = coalesce($6, mandate)
WHERE controller_id = $1 AND dsr_id = $2 AND verified_at IS NULL
RETURNING verified_at;

-- name: identity_of
-- What a check by a person is decided on.
SELECT dsr.controller_id, dsr.right_asked, dsr.identifier_kinds, dsr.state = 'closed' OR dsr.withdrawn_at IS NOT NULL AS over,
       i.doubt, i.verified_at, i.method
FROM dsr
LEFT JOIN identity_check AS i ON i.controller_id = dsr.controller_id AND i.dsr_id = dsr.dsr_id
WHERE dsr.controller_id = ANY ($2::text[]) AND dsr.dsr_id = $1
FOR UPDATE OF dsr;

-- name: codes_to_write
-- What the letters with these codes are filled with; a code that is void is left out.
SELECT i.code_id, i.dsr_id, i.controller_id, i.doubt, i.code_channel, i.code_language, i.code_expires_at,
       dsr.right_asked, dsr.regime
FROM identity_check AS i
JOIN dsr ON dsr.controller_id = i.controller_id AND dsr.dsr_id = i.dsr_id
JOIN unnest($1::uuid[], $2::uuid[]) AS wanted (dsr_id, code_id) ON wanted.dsr_id = i.dsr_id AND wanted.code_id = i.code_id
WHERE i.verified_at IS NULL;
