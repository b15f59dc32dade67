-- name: intend
-- Put asks on record before they are made; tells which of them were made before without an answer on record.
INSERT INTO effect AS e (task_id, processor_id)
SELECT n.task_id, n.processor_id
  FROM unnest($1::uuid[], $2::text[]) AS n(task_id, processor_id)
 ORDER BY n.task_id
    ON CONFLICT (task_id) DO UPDATE
   SET asks = e.asks + 1, last_asked_at = clock_timestamp()
RETURNING e.task_id, e.asks, e.first_asked_at

-- name: take_back
-- Forget first asks that surely changed nothing.
DELETE FROM effect WHERE task_id = ANY($1::uuid[]) AND state = 'intended' AND asks = 1

-- name: done
-- The answers of these asks are on record with the task.
UPDATE effect SET state = 'done', done_at = clock_timestamp()
 WHERE task_id = ANY($1::uuid[]) AND state = 'intended'

-- name: unanswered
-- How many asks wait for their answer, and since when: after a crash these are made again.
SELECT count(*) AS asks, min(first_asked_at) AS oldest FROM effect WHERE state = 'intended'
