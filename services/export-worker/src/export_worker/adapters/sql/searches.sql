-- Searches for the case of a breach. Few and long: one row is claimed at a time.

-- name: accept
-- New searches; those that are known are left as they are.
INSERT INTO search (task_id, processor_id, request)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING;

-- name: answered
-- Answers that are known, to be told again.
SELECT answer FROM search WHERE task_id = ANY($1::uuid[]) AND state = 'answered';

-- name: claim
-- waiting -> running: what waits longest, or what somebody left ($3: instances that are gone).
UPDATE search SET state = 'running', owner = $1, tries = tries + 1, lease_until = clock_timestamp() + $2::interval
WHERE task_id = (
    SELECT task_id FROM search
    WHERE (state = 'waiting' AND next_at <= clock_timestamp())
       OR (state = 'running' AND (owner = ANY($3::uuid[]) OR lease_until < clock_timestamp()))
    ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING request, tries;

-- name: again
-- running -> waiting: after $4 seconds. Only whoever still owns the claim.
UPDATE search SET state = 'waiting', owner = NULL, lease_until = NULL,
    next_at = clock_timestamp() + make_interval(secs => $4)
WHERE task_id = $1 AND owner = $2 AND tries = $3;

-- name: settle
-- running -> answered, if the claim is still ours.
UPDATE search SET state = 'answered', owner = NULL, lease_until = NULL, answer = $4
WHERE task_id = $1 AND owner = $2 AND tries = $3 RETURNING clock_timestamp() AS at;
