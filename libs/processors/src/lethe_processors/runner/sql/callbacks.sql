-- What vendors promised to call back for, and what they said. Whoever writes of a job holds `one_at_a_time` for it.

-- name: one_at_a_time
-- A call of the vendor and the answer that promises it may come at the same moment: one waits for the other.
SELECT pg_advisory_xact_lock(hashtextextended('lethe-callback/' || n.processor_id || '/' || n.reference, 0))
  FROM unnest($1::text[], $2::text[]) AS n(processor_id, reference)
 ORDER BY n.processor_id, n.reference

-- name: promise
-- Tasks that wait for a call, by job.
INSERT INTO awaited (processor_id, reference, task_id, task)
SELECT n.processor_id, decode(n.reference, 'hex'), n.task_id, n.task::json
  FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[]) AS n(processor_id, reference, task_id, task)
    ON CONFLICT (processor_id, reference, task_id) DO UPDATE SET task = excluded.task

-- name: called
-- The first word of a vendor on a job counts; none if it is not the first.
INSERT INTO called_back (processor_id, reference, said) VALUES ($1, decode($2, 'hex'), $3)
    ON CONFLICT DO NOTHING RETURNING at

-- name: waiting_for
-- Tasks that wait for this job.
SELECT task_id FROM awaited WHERE processor_id = $1 AND reference = decode($2, 'hex')

-- name: complete
-- Of these tasks, those whose jobs have all been told of, with what was said of each.
SELECT a.task_id, min(a.task::text) AS task, max(c.at) AS at,
       array_agg(encode(a.reference, 'hex') ORDER BY a.reference) AS references_,
       array_agg(c.said ORDER BY a.reference) AS said
  FROM awaited AS a LEFT JOIN called_back AS c USING (processor_id, reference)
 WHERE a.task_id = ANY($1::uuid[])
 GROUP BY a.task_id
HAVING count(*) = count(c.said)

-- name: answer
-- What was accepted has ended: the answer takes the place of the promise, if nothing else has.
UPDATE job AS j
   SET answer = n.answer::json, final = n.final, settled_at = clock_timestamp()
  FROM unnest($1::uuid[], $2::boolean[], $3::text[]) AS n(task_id, final, answer)
 WHERE j.task_id = n.task_id AND j.state = 'settled' AND j.answer ->> 'outcome' = 'accepted'
RETURNING j.task_id, j.settled_at

-- name: forget_waiting
-- These tasks wait for nothing more.
DELETE FROM awaited WHERE task_id = ANY($1::uuid[])
