-- Seals over the chains, and the keys that sign.

-- name: publish_key
-- A public key, once.
INSERT INTO signing_key (key_id, public_pem) VALUES ($1, $2) ON CONFLICT (key_id) DO NOTHING;

-- name: keys
-- Every public key that ever signed.
SELECT key_id, public_pem, first_used_at FROM signing_key ORDER BY first_used_at;

-- name: may_seal
-- One instance seals at a time; the others do it next time.
SELECT pg_try_advisory_xact_lock(hashtextextended('lethe-orchestrator/seal', 0));

-- name: take_unsealed
-- Heads that moved. What another transaction is still writing comes under the next seal.
DELETE FROM unsealed WHERE id IN (SELECT id FROM unsealed ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, saga_ids, seqs, heads, clock_timestamp() AS now;

-- name: last_seal
-- The newest seal.
SELECT number, root FROM seal ORDER BY number DESC LIMIT 1;

-- name: put_seal
-- A seal and its leaves.
INSERT INTO seal (number, at, chains, root, previous, key_id, signature, saga_ids, seqs, heads)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: seals
-- Seals from the newest on, without leaves; before the number $1 if given.
SELECT number, at, chains, root, previous, key_id, signature FROM seal
WHERE number < coalesce($1, 2147483647) ORDER BY number DESC LIMIT $2;

-- name: last_link
-- Whose chain it is, how long, and when its last link was made.
SELECT s.controller_id, s.audit_seq, e.content, e.packed
FROM saga s JOIN audit_event e ON e.saga_id = s.id AND e.seq = s.audit_seq WHERE s.id = $1;

-- name: seal_of
-- The first seal that covers link $2 of a chain, with its leaves; no earlier than when that link was made.
SELECT number, at, chains, root, previous, key_id, signature, saga_ids, seqs, heads FROM seal
WHERE at >= $3 AND saga_ids @> ARRAY[$1::uuid] AND seqs[array_position(saga_ids, $1)] >= $2 ORDER BY at LIMIT 1;
