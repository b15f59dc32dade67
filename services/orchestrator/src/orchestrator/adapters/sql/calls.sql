-- Calls of people.

-- name: put
-- Calls that rungs ask for, with the rungs.
INSERT INTO call_out (saga_id, controller_id, rung, calls, receiver, due_at, at, next_try)
SELECT i.saga_id, i.controller_id, i.rung, i.calls, i.receiver, i.due_at, i.at, i.at
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[])
    AS i(saga_id, controller_id, rung, calls, receiver, due_at, at)
ON CONFLICT (saga_id, rung, receiver) DO NOTHING;

-- name: claim
-- Calls that are due. The pause grows with the tries, and is longer than a call may take: nobody else makes it meanwhile.
UPDATE call_out AS c SET tries = c.tries + 1,
    next_try = clock_timestamp() + least(interval '1 hour', interval '30 seconds' * power(2, c.tries))
FROM (SELECT id FROM call_out WHERE made_at IS NULL AND next_try <= clock_timestamp()
      ORDER BY next_try LIMIT $1 FOR UPDATE SKIP LOCKED) AS d
WHERE c.id = d.id
RETURNING c.id, c.saga_id, c.controller_id, c.rung, c.calls, c.receiver, c.due_at, c.at,
    (SELECT s.due_strict FROM saga s WHERE s.id = c.saga_id) AS due_strict;

-- name: made
-- Calls that reached their receivers.
UPDATE call_out SET made_at = clock_timestamp(), trouble = NULL WHERE id = ANY($1::bigint[]);

-- name: failed
-- Calls that did not.
UPDATE call_out AS c SET trouble = f.trouble FROM unnest($1::bigint[], $2::text[]) AS f(id, trouble) WHERE c.id = f.id;

-- name: waiting
-- How many calls have not reached their receiver although they were tried.
SELECT count(*) FROM call_out WHERE made_at IS NULL AND tries > 0;
