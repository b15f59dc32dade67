-- The cases in transactions of batches. Every statement works on arrays.

-- name: now
-- The time of the batch.
SELECT clock_timestamp();

-- name: lock
-- Whole cases, locked in the order of their ids.
SELECT id, content, version, audit_seq, audit_head FROM breach_case WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE;

-- name: due
-- Cases whose moment has come, those overdue longest first, leaving out those that somebody else works on.
SELECT c.id, c.content, c.version, c.audit_seq, c.audit_head FROM breach_case c
JOIN (SELECT case_id, due_at FROM timer WHERE due_at <= clock_timestamp() ORDER BY due_at LIMIT $1) t ON t.case_id = c.id
ORDER BY c.id FOR UPDATE OF c SKIP LOCKED;

-- name: next_due_in
-- Seconds until the next moment; null if none is set.
SELECT greatest(0, extract(epoch FROM min(due_at) - clock_timestamp()))::float8 FROM timer;

-- name: insert_cases
-- New cases.
INSERT INTO breach_case (id, incident_id, controller_id, state, version, opened_at, due, alerts, content, audit_seq,
    audit_head)
SELECT i.id, i.incident_id, i.controller_id, i.state, i.version, i.opened_at, i.due, string_to_array(i.alerts, ','),
    i.content, i.audit_seq, i.audit_head
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::int[], $6::timestamptz[], $7::timestamptz[], $8::text[],
    $9::text[], $10::int[], $11::bytea[])
    AS i(id, incident_id, controller_id, state, version, opened_at, due, alerts, content, audit_seq, audit_head);

-- name: update_cases
-- What changes in a case; refuses, by its count, to overwrite a version it did not read.
UPDATE breach_case AS s SET state = c.state, version = c.version, due = c.due, alerts = string_to_array(c.alerts, ','),
    content = c.content, audit_seq = c.audit_seq, audit_head = c.audit_head
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::timestamptz[], $6::text[], $7::text[], $8::int[],
    $9::bytea[]) AS c(id, was, state, version, due, alerts, content, audit_seq, audit_head)
WHERE s.id = c.id AND s.version = c.was;

-- name: insert_links
-- Links of the chains.
INSERT INTO case_event (case_id, seq, hash, content)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::bytea[], $4::text[]);

-- name: move_timers
-- The next moment of each case.
INSERT INTO timer (case_id, due_at) SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
ON CONFLICT (case_id) DO UPDATE SET due_at = excluded.due_at;

-- name: stop_timers
-- Cases that nothing falls due for.
DELETE FROM timer WHERE case_id = ANY($1::uuid[]);

-- name: insert_notices
-- Versions of notices.
INSERT INTO notice (case_id, number, sha256, content, drafted_at, drafted_by)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::bytea[], $4::text[], $5::timestamptz[], $6::text[]);

-- name: insert_filings
-- What was filed.
INSERT INTO filing (case_id, authority, notice, reference, copy_sha256, filed_at, filed_by, late)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[], $6::timestamptz[], $7::text[],
    $8::boolean[]) ON CONFLICT DO NOTHING;

-- name: move_incidents
-- What signals opened goes on in the case that theirs was merged into.
UPDATE incident SET case_id = m.into_id FROM unnest($1::uuid[], $2::uuid[]) AS m(from_id, into_id)
WHERE incident.case_id = m.from_id;

-- name: insert_calls
-- Calls of on-call, one row per receiver.
INSERT INTO call (id, receiver, case_id, controller_id, about, resolves, state, due, created_at, next_at)
SELECT i.*, i.created_at FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::boolean[],
    $7::text[], $8::timestamptz[], $9::timestamptz[])
    AS i(id, receiver, case_id, controller_id, about, resolves, state, due, created_at) ON CONFLICT DO NOTHING;

-- name: claim_calls
-- Calls to be made now, to some receivers or to all others. Whoever takes them has until the next try to say so.
UPDATE call SET tries = tries + 1, next_at = clock_timestamp() + least(power(2, tries) * $2::interval, interval '15 min')
WHERE (id, receiver) IN (SELECT id, receiver FROM call WHERE next_at <= clock_timestamp()
    AND (receiver = ANY($3::text[])) <> $4 ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, receiver, case_id, controller_id, about, resolves, state, due, created_at, tries;

-- name: calls_taken
-- Calls that were taken.
UPDATE call SET next_at = NULL, taken_at = clock_timestamp(), trouble = NULL
FROM unnest($1::uuid[], $2::text[]) AS c(id, receiver) WHERE call.id = c.id AND call.receiver = c.receiver;

-- name: calls_failed
-- Why calls were not taken; they are made again, unless there is nobody of that name any more.
UPDATE call SET trouble = c.trouble, next_at = CASE WHEN c.gone THEN NULL ELSE call.next_at END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[]) AS c(id, receiver, trouble, gone)
WHERE call.id = c.id AND call.receiver = c.receiver AND call.taken_at IS NULL;

-- name: contents
-- The versions of a notice, in order.
SELECT content FROM notice WHERE case_id = $1 ORDER BY number;
