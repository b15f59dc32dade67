-- name: open_batch
-- Begin a batch, or go on with the one that has this key; gives its id.
INSERT INTO dsr_batch (controller_id, batch_id, idempotency_key, people, begun_at, begun_by)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT ON CONSTRAINT one_batch_per_idempotency_key
DO UPDATE SET people = greatest(dsr_batch.people, excluded.people)
RETURNING batch_id;

-- name: find_batch
-- One batch of these controllers, with how far its requests are.
SELECT b.controller_id, b.batch_id, b.people, b.begun_at,
       coalesce((SELECT jsonb_object_agg(state, number) FROM (
           SELECT state, count(*) AS number FROM dsr WHERE dsr.parent_id = b.batch_id GROUP BY state
       ) AS states), '{}') AS states,
       (SELECT count(*) FROM dsr WHERE dsr.parent_id = b.batch_id AND withdrawn_at IS NOT NULL) AS withdrawn,
       (SELECT min(coalesce((told ->> 'due_legal')::timestamptz, due_legal)) FROM dsr
        WHERE dsr.parent_id = b.batch_id AND state NOT IN ('answered', 'closed')) AS next_due
FROM dsr_batch AS b
WHERE b.controller_id = ANY ($2::text[]) AND b.batch_id = $1;
