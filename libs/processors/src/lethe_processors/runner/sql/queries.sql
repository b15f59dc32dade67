-- name: accept
-- New tasks wait; a higher attempt runs again what ended without a final answer, and else only renames the open attempt.
INSERT INTO job AS j (task_id, attempt, dsr_id, processor_id, verb, due_at, task)
SELECT n.task_id, n.attempt, n.dsr_id, n.processor_id, n.verb, n.due_at, n.task::json
  FROM unnest($1::uuid[], $2::integer[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
       AS n(task_id, attempt, dsr_id, processor_id, verb, due_at, task)
 ORDER BY n.task_id
    ON CONFLICT (task_id) DO UPDATE
   SET attempt = excluded.attempt,
       due_at = excluded.due_at,
       task = excluded.task,
       state = CASE j.state WHEN 'settled' THEN 'waiting' ELSE j.state END,
       tries = CASE j.state WHEN 'settled' THEN 0 ELSE j.tries END,
       next_attempt_at = CASE j.state WHEN 'settled' THEN clock_timestamp() ELSE j.next_attempt_at END,
       accepted_at = CASE j.state WHEN 'settled' THEN clock_timestamp() ELSE j.accepted_at END,
       answer = NULL,
       settled_at = NULL
 WHERE j.attempt < excluded.attempt AND NOT j.final
RETURNING j.task_id

-- name: answered
-- The stored answers of tasks that are settled, and the attempt that they answered.
SELECT task_id, attempt, answer::text AS answer, settled_at FROM job WHERE task_id = ANY($1::uuid[]) AND state = 'settled'

-- name: claim
-- The waiting jobs of one processor and one verb that are due first, of one day the oldest: the verb of the very first.
-- A claim counts as a try.
WITH head AS (
    SELECT first.verb
      FROM unnest($5::text[]) AS v(verb)
     CROSS JOIN LATERAL (
           SELECT j.verb, j.due_at, j.accepted_at
             FROM job AS j
            WHERE j.processor_id = $1 AND j.verb = v.verb AND j.state = 'waiting' AND j.next_attempt_at <= clock_timestamp()
            ORDER BY j.due_at, j.accepted_at, j.task_id
            LIMIT 1) AS first
     ORDER BY first.due_at, first.accepted_at
     LIMIT 1
), picked AS MATERIALIZED (
    SELECT j.task_id
      FROM job AS j
     WHERE j.processor_id = $1 AND j.verb = (SELECT verb FROM head) AND j.state = 'waiting'
       AND j.next_attempt_at <= clock_timestamp()
     ORDER BY j.due_at, j.accepted_at, j.task_id
     LIMIT $2
       FOR UPDATE SKIP LOCKED
)
UPDATE job AS j
   SET state = 'running', owner = $3, lease_until = clock_timestamp() + make_interval(secs => $4), tries = j.tries + 1
 WHERE j.task_id IN (SELECT task_id FROM picked)
RETURNING j.task::text AS task, j.tries

-- name: settle
-- End jobs with their answers, unless somebody else took them over meanwhile. Tells the attempt to be acked, and when.
UPDATE job AS j
   SET state = 'settled', owner = NULL, lease_until = NULL, task = NULL, final = n.final, answer = n.answer::json,
       settled_at = clock_timestamp()
  FROM unnest($2::uuid[], $3::integer[], $4::boolean[], $5::text[]) AS n(task_id, tries, final, answer)
 WHERE j.task_id = n.task_id AND j.state = 'running' AND j.owner = $1 AND j.tries = n.tries
RETURNING j.task_id, j.attempt, j.settled_at

-- name: reschedule
-- Try jobs again after a delay in seconds, unless somebody else took them over meanwhile.
UPDATE job AS j
   SET state = 'waiting', owner = NULL, lease_until = NULL,
       next_attempt_at = clock_timestamp() + make_interval(secs => n.delay)
  FROM unnest($2::uuid[], $3::integer[], $4::float8[]) AS n(task_id, tries, delay)
 WHERE j.task_id = n.task_id AND j.state = 'running' AND j.owner = $1 AND j.tries = n.tries

-- name: hasten
-- Jobs that wait for their next try because their processor was away: it answers again.
UPDATE job SET next_attempt_at = clock_timestamp()
 WHERE processor_id = $1 AND state = 'waiting' AND next_attempt_at > clock_timestamp() AND tries BETWEEN 1 AND $2 - 1

-- name: release
-- Give back claims that were not worked on, as if they had not been made.
UPDATE job AS j
   SET state = 'waiting', owner = NULL, lease_until = NULL, tries = j.tries - 1
  FROM unnest($2::uuid[], $3::integer[]) AS n(task_id, tries)
 WHERE j.task_id = n.task_id AND j.state = 'running' AND j.owner = $1 AND j.tries = n.tries

-- name: free_lost
-- Let own claims wait again that nobody works on: their answer was lost with the connection.
UPDATE job
   SET state = 'waiting', owner = NULL, lease_until = NULL, tries = tries - 1
 WHERE state = 'running' AND owner = $1 AND processor_id = $2 AND NOT task_id = ANY($3::uuid[])

-- name: owners
-- Instances that hold claims.
SELECT DISTINCT owner FROM job WHERE state = 'running'

-- name: take_over
-- Let claims of dead instances, and claims whose lease has ended, wait again. Tells whose processors' they are.
UPDATE job
   SET state = 'waiting', owner = NULL, lease_until = NULL, next_attempt_at = clock_timestamp()
 WHERE state = 'running' AND (owner = ANY($1::uuid[]) OR lease_until < clock_timestamp())
RETURNING processor_id

-- name: pending
-- Processors that have open jobs, and when the oldest was accepted: one index probe per processor.
WITH RECURSIVE each AS (
    (SELECT processor_id, accepted_at FROM job WHERE state <> 'settled' ORDER BY processor_id, accepted_at LIMIT 1)
    UNION ALL
    SELECT next.processor_id, next.accepted_at
      FROM each
     CROSS JOIN LATERAL (
           SELECT j.processor_id, j.accepted_at
             FROM job AS j
            WHERE j.state <> 'settled' AND j.processor_id > each.processor_id
            ORDER BY j.processor_id, j.accepted_at
            LIMIT 1) AS next
)
SELECT processor_id, accepted_at FROM each
