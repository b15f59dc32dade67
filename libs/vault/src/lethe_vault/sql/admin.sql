-- name: rotation_batch
-- Data keys still under another master key than the current one, in order of id.
SELECT dsr_id AS id, key_id, wrapped_key FROM vault.sealed
WHERE shredded_at IS NULL AND key_id <> $1 AND dsr_id > $2 ORDER BY dsr_id LIMIT $3;

-- name: rewrap
-- Replace wrapped keys where nobody changed or shredded them meanwhile.
UPDATE vault.sealed AS s SET key_id = $1, wrapped_key = item.new
FROM unnest($2::uuid[], $3::bytea[], $4::bytea[]) AS item (dsr_id, old, new)
WHERE s.dsr_id = item.dsr_id AND s.wrapped_key = item.old;

-- name: processor_rotation_batch
-- Processor keys still under another master key than the current one.
SELECT processor_id AS id, key_id, wrapped_key FROM vault.processor_key WHERE key_id <> $1 ORDER BY processor_id;

-- name: rewrap_processors
-- Replace wrapped processor keys where nobody changed them meanwhile.
UPDATE vault.processor_key AS p SET key_id = $1, wrapped_key = item.new
FROM unnest($2::text[], $3::bytea[], $4::bytea[]) AS item (processor_id, old, new)
WHERE p.processor_id = item.processor_id AND p.wrapped_key = item.old;

-- name: master_keys_in_use
-- Every master key that something is wrapped under.
SELECT key_id FROM vault.sealed WHERE key_id IS NOT NULL UNION SELECT key_id FROM vault.processor_key;
