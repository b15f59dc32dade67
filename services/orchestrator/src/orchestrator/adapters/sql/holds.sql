-- Holds of whole controllers.

-- name: one_at_a_time
-- Before what is in force changes: waits for every batch that began without it, and keeps new ones waiting meanwhile.
SELECT pg_advisory_xact_lock(hashtextextended('lethe-orchestrator/holds', 0));

-- name: now
-- The time of an act about a hold.
SELECT clock_timestamp();

-- name: in_force
-- Every hold in force.
SELECT * FROM legal_hold WHERE since IS NOT NULL AND until IS NULL ORDER BY controller_id, placed_at, id;

-- name: insert
-- A hold is proposed.
INSERT INTO legal_hold (id, controller_id, ground, article, matter, processors, categories, people, placed_by, placed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: lock
-- One hold of some controllers, for a change.
SELECT * FROM legal_hold WHERE id = $1 AND controller_id = ANY($2::text[]) FOR UPDATE;

-- name: update
-- Who approved, proposed to lift, or lifted it; with its approval the sweep begins.
UPDATE legal_hold SET approved_by = $2, since = $3, lifting_by = $4, lifted_by = $5, until = $6,
    sweep_due = CASE WHEN since IS NULL AND $3::timestamptz IS NOT NULL THEN '-infinity'::timestamptz
        WHEN $6::timestamptz IS NOT NULL THEN NULL ELSE sweep_due END,
    sweep_id = CASE WHEN since IS NULL AND $3::timestamptz IS NOT NULL THEN $1
        WHEN $6::timestamptz IS NOT NULL THEN NULL ELSE sweep_id END
WHERE id = $1;

-- name: changed
-- What is in force has changed.
INSERT INTO hold_change (hold_id) VALUES ($1);

-- name: page
-- Holds of some controllers, the newest first, behind a given place; with how many requests each covers now.
SELECT h.*, (SELECT count(*) FROM held_saga s WHERE s.hold_id = h.id AND s.until IS NULL) AS covers
FROM legal_hold h
WHERE h.controller_id = ANY($1::text[]) AND ($2::text IS NULL OR h.matter = $2)
  AND ($3::boolean OR h.until IS NULL) AND ($4::uuid IS NULL OR h.id = $4)
ORDER BY h.placed_at DESC, h.id LIMIT $5;

-- name: covered
-- Requests that a hold covers, or covered.
SELECT saga_id, since, until FROM held_saga WHERE hold_id = $1 ORDER BY saga_id LIMIT $2;

-- name: next_sweep
-- A hold that has not reached every open saga yet.
SELECT * FROM legal_hold WHERE sweep_due IS NOT NULL ORDER BY since LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: open_behind
-- Open sagas of a controller in the order of the sweep. One that moves on meanwhile is seen twice, which changes nothing.
SELECT s.id, s.due_strict FROM saga s
WHERE s.controller_id = $1 AND s.closed_at IS NULL AND (s.due_strict, s.id) > ($2::timestamptz, $3::uuid)
ORDER BY s.due_strict, s.id LIMIT $4;

-- name: swept
-- How far a sweep has come; null: over.
UPDATE legal_hold SET sweep_due = $2, sweep_id = $3 WHERE id = $1;

-- name: next_release
-- A hold that was lifted and is still on sagas.
SELECT h.* FROM legal_hold h
WHERE h.until IS NOT NULL AND EXISTS (SELECT FROM held_saga s WHERE s.hold_id = h.id AND s.until IS NULL)
ORDER BY h.until LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: still_on
-- Sagas that a hold is still on.
SELECT saga_id FROM held_saga WHERE hold_id = $1 AND until IS NULL ORDER BY saga_id LIMIT $2;

-- name: controller_of
-- Whose request it is, and whether its identifiers are still there.
SELECT controller_id, shredded_at IS NOT NULL AS shredded FROM saga WHERE id = $1;

-- name: kept
-- Parts that are kept, those that are erased first at the top.
SELECT saga_id, processor_id, collection, category, rows, ground, article, until, since FROM kept_part
WHERE controller_id = ANY($1::text[]) AND ended_at IS NULL AND ($2::timestamptz IS NULL OR until < $2)
ORDER BY until NULLS LAST, saga_id, processor_id, collection LIMIT $3;
