-- name: expect_transmissions
-- Copies of these requests are to be sent on, once they are there.
INSERT INTO transmission (controller_id, dsr_id, target)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[]);

-- name: end_without_copy
-- Requests that were taken back, or ended without a copy: nothing is sent.
UPDATE transmission AS t
SET state = 'none'
FROM dsr
WHERE t.state = 'waiting' AND dsr.controller_id = t.controller_id AND dsr.dsr_id = t.dsr_id
  AND (dsr.withdrawn_at IS NOT NULL OR dsr.state = 'closed' AND NOT coalesce(dsr.told ? 'package', false));

-- name: claim_transmissions
-- A few whose copy is there and whose moment has come, for ten minutes. $1: now.
WITH due AS (
    SELECT t.controller_id, t.dsr_id, (dsr.told -> 'package' ->> 'document_id')::uuid AS document_id
    FROM transmission AS t
    JOIN dsr USING (controller_id, dsr_id)
    WHERE t.state = 'waiting' AND t.due_at <= $1 AND dsr.told ? 'package'
    ORDER BY t.due_at
    LIMIT 4
    FOR UPDATE OF t SKIP LOCKED
)
UPDATE transmission AS t
SET attempts = t.attempts + 1, due_at = $1::timestamptz + interval '10 minutes'
FROM due
WHERE t.controller_id = due.controller_id AND t.dsr_id = due.dsr_id
RETURNING t.controller_id, t.dsr_id, t.target, due.document_id, t.attempts;

-- name: record_transmission
-- What came of one attempt; nothing if another one was begun since.
UPDATE transmission
SET state = $4, http_status = $5, receipt_sha256 = $6, problem = $7, tried_at = $8, due_at = $9
WHERE controller_id = $1 AND dsr_id = $2 AND attempts = $3 AND state = 'waiting';
