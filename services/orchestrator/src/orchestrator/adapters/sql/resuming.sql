-- name: open_after
-- Open sagas of these controllers, by id, behind one.
SELECT id FROM saga
WHERE closed_at IS NULL AND controller_id = ANY($1::text[]) AND ($2::uuid IS NULL OR id > $2)
ORDER BY id LIMIT $3;
