-- name: withdraw
-- Take one request back, if it belongs to one of these controllers, is open, and was not taken back before.
UPDATE dsr
SET withdrawn_at = $3, withdrawn_by = $4
WHERE controller_id = ANY ($2::text[]) AND dsr_id = $1 AND withdrawn_at IS NULL AND state <> 'closed'
RETURNING controller_id, withdrawn_at;

-- name: withdrawn
-- Whether and when it was.
SELECT controller_id, withdrawn_at FROM dsr WHERE controller_id = ANY ($2::text[]) AND dsr_id = $1;
