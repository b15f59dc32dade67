-- The sagas in transactions of batches. Every statement works on arrays; plans go by index (see `by_index`).

-- name: by_index
-- Plans are made while tables are empty and kept while they grow: a sequential scan must never look cheap.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true),
       -- shared with every other batch; a hold that comes into force waits for those that began without it
       pg_advisory_xact_lock_shared(hashtextextended('lethe-orchestrator/holds', 0));

-- name: lock
-- Lock sagas in the order of their ids; tells the time of the batch and the register in force as well.
SELECT s.id, s.version, clock_timestamp() AS now, (SELECT max(id) FROM register_version) AS register_id,
    (SELECT max(id) FROM hold_change) AS standing_id
FROM saga s WHERE s.id = ANY($1::uuid[]) ORDER BY s.id FOR UPDATE;

-- name: now
-- The time of the batch and the register in force.
SELECT clock_timestamp() AS now, (SELECT max(id) FROM register_version) AS register_id,
    (SELECT max(id) FROM hold_change) AS standing_id;

-- name: sagas
-- Whole sagas, already locked.
SELECT f.*, s.*, t.due_at AS armed, e.content, e.packed
FROM saga s JOIN saga_fact f ON f.id = s.id LEFT JOIN timer t ON t.saga_id = s.id
LEFT JOIN audit_event e ON e.saga_id = s.id AND e.seq = 1 AND f.clock IS NULL
WHERE s.id = ANY($1::uuid[]);

-- name: tasks
-- All tasks of sagas that are already locked, in the order of the plan.
SELECT * FROM task WHERE saga_id = ANY($1::uuid[]) ORDER BY saga_id, round, verb, processor_id;

-- name: insert_facts
-- What never changes of new sagas.
INSERT INTO saga_fact (id, subject_ref, "right", export_first, country, channel, identity, identifier_kinds,
    received_at, accepted_at, due_legal)
SELECT i.id, i.subject_ref, i."right", i.export_first, i.country, i.channel, i.identity, string_to_array(i.kinds, ','),
    i.received_at, i.accepted_at, i.due_legal
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::boolean[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::timestamptz[], $10::timestamptz[], $11::timestamptz[])
    AS i(id, subject_ref, "right", export_first, country, channel, identity, kinds, received_at, accepted_at,
    due_legal);

-- name: insert_sagas
-- New sagas.
INSERT INTO saga (id, controller_id, due_strict, state, version, register_id, checked_register_id, alarm, alerts,
    open_incidents, result, answered_at, closed_at, audit_seq, audit_head)
SELECT i.id, i.controller_id, i.due_strict, i.state, i.version, i.register_id, i.checked, i.alarm,
    string_to_array(i.alerts, ','), i.open_incidents, i.result, i.answered_at, i.closed_at, i.audit_seq, i.audit_head
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::int[], $6::int[], $7::int[], $8::smallint[],
    $9::text[], $10::int[], $11::text[], $12::timestamptz[], $13::timestamptz[], $14::int[], $15::bytea[])
    AS i(id, controller_id, due_strict, state, version, register_id, checked, alarm, alerts, open_incidents, result,
    answered_at, closed_at, audit_seq, audit_head);

-- name: update_sagas
-- What changes in a saga; refuses, by its count, to overwrite a version it did not read.
UPDATE saga AS s SET state = c.state, version = c.version, register_id = c.register_id, checked_register_id = c.checked,
    alarm = c.alarm, alerts = string_to_array(c.alerts, ','), open_incidents = c.open_incidents, result = c.result,
    answered_at = c.answered_at, closed_at = c.closed_at, shredded_at = c.shredded_at, audit_seq = c.audit_seq,
    audit_head = c.audit_head
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::int[], $6::int[], $7::smallint[], $8::text[], $9::int[],
    $10::text[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::int[], $15::bytea[])
    AS c(id, was, state, version, register_id, checked, alarm, alerts, open_incidents, result, answered_at, closed_at,
    shredded_at, audit_seq, audit_head)
WHERE s.id = c.id AND s.version = c.was;

-- name: update_beside
-- What happened to requests beside their tasks, and their dates, which that may move.
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[])
        AS i(id, beside, clock, due_strict, due_legal)),
moved AS (
    UPDATE saga AS s SET due_strict = g.due_strict FROM given g WHERE s.id = g.id AND s.due_strict <> g.due_strict)
UPDATE saga_fact AS f SET beside = g.beside, clock = coalesce(g.clock, f.clock), due_legal = g.due_legal
FROM given g WHERE f.id = g.id;

-- name: insert_tasks
-- New tasks. $15: the arrays too, as versions read them that know of no other form.
INSERT INTO task (saga_id, id, processor_id, verb, round, after, register_id, tokens, subject_tokens, status, attempt,
    answered, tries, looks, due_at, settled_at, code)
SELECT i.saga_id, i.id, i.processor_id, i.verb, i.round,
    CASE WHEN $15 OR i.after IS NOT NULL THEN coalesce(string_to_array(i.after, ',')::uuid[], '{}') END, i.register_id,
    CASE WHEN $15 THEN coalesce(string_to_array(i.tokens, ','), '{}') END, i.tokens,
    i.status, i.attempt, 0, i.tries, 0, i.due_at, i.settled_at, i.code
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::int[], $8::text[],
    $9::text[], $10::int[], $11::smallint[], $12::timestamptz[], $13::timestamptz[], $14::text[])
    AS i(saga_id, id, processor_id, verb, round, after, register_id, tokens, status, attempt, tries, due_at, settled_at,
    code);

-- name: update_tasks
-- What an answer, a moment or a person changes in a task.
UPDATE task AS t SET status = c.status, attempt = c.attempt, answered = c.answered, tries = c.tries, looks = c.looks,
    due_at = c.due_at, expected_by = c.expected_by, gone_by = c.gone_by, settled_at = c.settled_at, answer = c.answer,
    code = c.code
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::int[], $6::smallint[], $7::smallint[],
    $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::text[], $13::text[])
    AS c(saga_id, id, status, attempt, answered, tries, looks, due_at, expected_by, gone_by, settled_at, answer, code)
WHERE t.saga_id = c.saga_id AND t.id = c.id;

-- name: update_tasks_seldom
-- What seldom changes in a task: its order, its register, its tokens, proposals and exceptions.
UPDATE task AS t SET after = coalesce(string_to_array(c.after, ',')::uuid[], '{}'), register_id = c.register_id,
    tokens = coalesce(string_to_array(c.tokens, ','), '{}'), subject_tokens = c.tokens, proposal = c.proposal,
    exception = c.exception
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::text[], $6::text[], $7::text[])
    AS c(saga_id, id, after, register_id, tokens, proposal, exception)
WHERE t.saga_id = c.saga_id AND t.id = c.id;

-- name: insert_acks
-- Answers that counted. A second one for the same attempt is a contradiction that must not be stored.
INSERT INTO ack (saga_id, task_id, attempt, promise, message_id, outcome, at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::boolean[], $5::uuid[], $6::text[], $7::timestamptz[]);

-- name: insert_strays
-- Answers that did not count, once per message; a mere redelivery of one that did count, or was rejected, is none.
INSERT INTO stray_ack (message_id, saga_id, task_id, attempt, outcome, reason, content)
SELECT DISTINCT ON (i.message_id) i.message_id, i.saga_id, i.task_id, i.attempt, i.outcome, i.reason, i.content
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::int[], $6::text[], $7::text[], $8::text[])
    AS i(message_id, incident_id, saga_id, task_id, attempt, outcome, reason, content)
WHERE NOT EXISTS (SELECT FROM ack a WHERE a.saga_id = i.saga_id AND a.message_id = i.message_id)
  AND NOT EXISTS (SELECT FROM incident x WHERE x.id = i.incident_id)
ORDER BY i.message_id
ON CONFLICT (message_id) DO NOTHING;

-- name: insert_links
-- The next links of chains.
INSERT INTO audit_event (saga_id, seq, hash, packed)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::bytea[], $4::bytea[]);

-- name: insert_plain_links
-- The same, as versions read them that know of no packed ones.
INSERT INTO audit_event (saga_id, seq, hash, content)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::bytea[], $4::text[]);

-- name: insert_unsealed
-- The heads that this transaction moved, for the next seal.
INSERT INTO unsealed (saga_ids, seqs, heads) VALUES ($1::uuid[], $2::int[], $3::bytea[]);

-- name: put_timers
-- The next moment of sagas.
INSERT INTO timer (saga_id, due_at, kind, task_id)
SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::uuid[])
ON CONFLICT (saga_id) DO UPDATE SET due_at = excluded.due_at, kind = excluded.kind, task_id = excluded.task_id;

-- name: delete_timers
-- Sagas for which nothing falls due any more.
DELETE FROM timer WHERE saga_id = ANY($1::uuid[]);

-- name: open_incidents
-- Incidents, once each.
INSERT INTO incident (id, saga_id, controller_id, processor_id, task_id, code, detail, opened_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[],
    $8::timestamptz[])
ON CONFLICT (id) DO NOTHING;

-- name: resolve_incidents
-- Incidents whose reason is gone.
UPDATE incident AS i SET resolved_at = c.at, resolved_by = c.by
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[]) AS c(saga_id, task_id, code, at, by)
WHERE i.saga_id = c.saga_id AND i.task_id IS NOT DISTINCT FROM c.task_id AND i.code = c.code
  AND i.resolved_at IS NULL;

-- name: insert_certificates
-- One certificate per closing of a saga, for ever.
INSERT INTO certificate (saga_id, sha256, document, number)
SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::int[]);

-- name: insert_kept
-- What is kept of sagas that closed, until when.
INSERT INTO kept_part (saga_id, number, controller_id, processor_id, collection, category, rows, ground, article,
    until, since)
SELECT i.saga_id, i.number, i.controller_id, i.processor_id, i.collection, i.category, sum(i.rows), i.ground, i.article,
    i.until, i.since
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[],
    $10::timestamptz[], $11::timestamptz[])
    AS i(saga_id, number, controller_id, processor_id, collection, category, rows, ground, article, until, since)
GROUP BY i.saga_id, i.number, i.controller_id, i.processor_id, i.collection, i.category, i.ground, i.article, i.until,
    i.since;

-- name: end_kept
-- What sagas kept at their closings before these ones: it was erased, or is kept by a row of the new closing.
UPDATE kept_part AS k SET ended_at = c.at
FROM unnest($1::uuid[], $2::int[], $3::timestamptz[]) AS c(saga_id, number, at)
WHERE k.saga_id = c.saga_id AND k.number < c.number AND k.ended_at IS NULL;

-- name: put_held
-- Which sagas a hold of their controller covers, from when to when.
INSERT INTO held_saga (hold_id, saga_id, since, until)
SELECT DISTINCT ON (i.hold_id, i.saga_id) i.*
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[]) AS i(hold_id, saga_id, since, until)
ORDER BY i.hold_id, i.saga_id, i.until
ON CONFLICT (hold_id, saga_id) DO UPDATE SET until = excluded.until;

-- name: due
-- Sagas with a moment that has come, longest overdue first, and nobody else at work on them. The time is that of the
-- statement: one that moves on while it runs could not be looked up in the index.
SELECT t.saga_id FROM timer t
WHERE t.due_at <= statement_timestamp() ORDER BY t.due_at LIMIT $1 FOR UPDATE SKIP LOCKED;

-- name: next_due_in
-- Seconds until the next moment; null if there is none.
SELECT extract(epoch FROM min(due_at) - clock_timestamp())::float8 FROM timer;

-- name: put_off_first_due
-- A saga whose moment cannot be handled must not stand in the way of the others.
UPDATE timer SET due_at = clock_timestamp() + interval '15 minutes'
WHERE saga_id = (SELECT saga_id FROM timer WHERE due_at <= statement_timestamp() ORDER BY due_at LIMIT 1)
RETURNING saga_id;

-- name: skip_locked
-- Of these sagas, those that nobody else holds, locked; with the time and the register in force.
SELECT s.id, s.version, clock_timestamp() AS now, (SELECT max(id) FROM register_version) AS register_id,
    (SELECT max(id) FROM hold_change) AS standing_id
FROM saga s WHERE s.id = ANY($1::uuid[]) ORDER BY s.id FOR UPDATE SKIP LOCKED;

-- name: unchecked
-- Open sagas whose scope was not yet compared with the register in force.
SELECT id FROM saga
WHERE closed_at IS NULL AND checked_register_id < $1 ORDER BY checked_register_id LIMIT $2;

-- name: insert_erased
-- Subject tokens whose absence was seen; a later erasure takes the place of an earlier one.
INSERT INTO erased_token (processor_id, token, saga_id, at)
SELECT DISTINCT ON (i.processor_id, i.token) i.*
FROM unnest($1::text[], $2::text[], $3::uuid[], $4::timestamptz[]) AS i(processor_id, token, saga_id, at)
ORDER BY i.processor_id, i.token
ON CONFLICT (processor_id, token) DO UPDATE SET saga_id = excluded.saga_id, at = excluded.at;

-- name: delete_erased
-- Tokens go with the sealed identifiers.
DELETE FROM erased_token WHERE saga_id = ANY($1::uuid[]);

-- name: erasures
-- Which of these observations are of a person whose erasure was verified there before.
SELECT o.n, e.saga_id, s.controller_id
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) WITH ORDINALITY AS o(processor_id, token, at, n)
JOIN erased_token e ON e.processor_id = o.processor_id AND e.token = o.token AND e.at < o.at
JOIN saga s ON s.id = e.saga_id;

-- name: resolve_by_hand
-- Incidents about messages, which nothing that happens to a saga ends.
UPDATE incident SET resolved_at = clock_timestamp(), resolved_by = $3
WHERE id = $1 AND controller_id = ANY($2::text[]) AND resolved_at IS NULL
  AND code IN ('consent_unserved', 'letter_failed', 'rejected', 'contradicted', 'reappeared', 'erased_under_hold', 'kept_past_its_date');
