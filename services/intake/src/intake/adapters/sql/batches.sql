-- name: open_batch
-- Begin a batch, or go on with the one that has this key; gives its id.
INSERT INTO dsr_batch (controller_id, batch_id, idempotency_key, people, begun_at, begun_by)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT ON CONSTRAINT one_batch_per_idempotency_key
DO UPDATE SET people = greatest(dsr_batch.people, excluded.people)
RETURNING batch_id;

-- name: find_batch
-- One batch of these controllers, with how far its requests are. $3: now.
SELECT b.controller_id, b.batch_id, b.people, b.begun_at, counts.*, totals.*
FROM dsr_batch AS b
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_object_agg(word, number) FILTER (WHERE kind = 'state'), '{}') AS states,
           coalesce(jsonb_object_agg(word, number) FILTER (WHERE kind = 'right'), '{}') AS rights,
           coalesce(jsonb_object_agg(word, number) FILTER (WHERE kind = 'result'), '{}') AS results
    FROM (
        SELECT kind, word, count(*) AS number
        FROM dsr
        CROSS JOIN LATERAL (
            VALUES ('state', state), ('right', right_asked), ('result', told ->> 'result')
        ) AS said (kind, word)
        WHERE dsr.parent_id = b.batch_id AND word IS NOT NULL
        GROUP BY kind, word
    ) AS counted
) AS counts
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE withdrawn_at IS NOT NULL) AS withdrawn,
           coalesce(sum((told ->> 'open_incidents')::bigint), 0)::bigint AS open_incidents,
           count(*) FILTER (WHERE is_open AND due < $3) AS overdue,
           min(due) FILTER (WHERE is_open) AS next_due
    FROM (
        SELECT withdrawn_at, told, state NOT IN ('answered', 'closed') AS is_open,
               coalesce((told ->> 'due_legal')::timestamptz, due_legal) AS due
        FROM dsr WHERE dsr.parent_id = b.batch_id
    ) AS children
) AS totals
WHERE b.controller_id = ANY ($2::text[]) AND b.batch_id = $1;

-- name: batch_is_there
-- Whether there is such a batch among those of these controllers.
SELECT true FROM dsr_batch WHERE controller_id = ANY ($2::text[]) AND batch_id = $1;

-- name: page_of_batch
-- The requests of one batch in the order of acceptance behind an id, optionally in one state.
SELECT dsr_id, dsr.controller_id, right_asked, export_first, channel, country, identifier_kinds, received_at, accepted_at,
       due_strict, due_legal, due_date, rule, state, told, withdrawn_at, identity, doubt, verified_at, method,
       repeats, patterns, requests, parent_id, asked,
       (SELECT jsonb_build_object('target', t.target, 'state', t.state, 'attempts', t.attempts, 'tried_at', t.tried_at,
                                  'http_status', t.http_status, 'receipt_sha256', t.receipt_sha256, 'problem', t.problem)
        FROM transmission AS t WHERE t.controller_id = dsr.controller_id AND t.dsr_id = dsr.dsr_id) AS transmission
FROM dsr
LEFT JOIN identity_check USING (controller_id, dsr_id)
WHERE dsr.parent_id = $1 AND dsr.controller_id = ANY ($2::text[])
  AND ($3::uuid IS NULL OR dsr_id > $3)
  AND ($4::text IS NULL OR state = $4)
ORDER BY dsr_id
LIMIT $5;
