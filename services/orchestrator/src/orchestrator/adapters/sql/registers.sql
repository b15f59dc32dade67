-- Versions of the register.

-- name: version
-- One version.
SELECT sha256, content FROM register_version WHERE id = $1;

-- name: one_at_a_time
-- Two instances that load at once must not both decide what is newest.
SELECT pg_advisory_xact_lock(hashtextextended('lethe-orchestrator/register', 0));

-- name: in_force
-- The version in force.
SELECT id, sha256, loaded_at, loaded_by, content FROM register_version ORDER BY id DESC LIMIT 1;

-- name: insert
-- A version comes into force.
INSERT INTO register_version (sha256, content, loaded_by) VALUES ($1, $2, $3) RETURNING id;
