-- What is shown. Nothing here changes anything.
-- Whether a processor has to do with a saga is asked per saga shown: as EXISTS it would be hashed over all tasks.

-- name: page_open
-- Open sagas of some controllers by strict date, behind a given place.
SELECT s.id, s.controller_id, f."right", f.export_first, s.state, f.received_at, s.due_strict, f.due_legal,
    s.answered_at, s.closed_at, s.result, s.open_incidents, t.tasks, t.settled, t.waiting_for
FROM saga s JOIN saga_fact f ON f.id = s.id
CROSS JOIN LATERAL (
    SELECT count(*) AS tasks, count(*) FILTER (WHERE k.status IN ('done', 'excepted')) AS settled,
        array_agg(DISTINCT k.processor_id) FILTER (WHERE k.status NOT IN ('done', 'excepted', 'blocked', 'on_hold', 'cancelled')) AS waiting_for
    FROM task k WHERE k.saga_id = s.id) t
WHERE s.closed_at IS NULL AND s.controller_id = ANY($1::text[])
  AND (s.due_strict, s.id) > ($2::timestamptz, $3::uuid) AND s.due_strict < $4::timestamptz
  AND $5::text IS NULL
  AND ($6::text IS NULL OR (SELECT true FROM task k WHERE k.saga_id = s.id AND k.processor_id = $6
        AND k.status NOT IN ('done', 'excepted', 'cancelled') LIMIT 1))
ORDER BY s.due_strict, s.id LIMIT $7;

-- name: page_state
-- The same for sagas in one state, by the index that begins with it.
SELECT s.id, s.controller_id, f."right", f.export_first, s.state, f.received_at, s.due_strict, f.due_legal,
    s.answered_at, s.closed_at, s.result, s.open_incidents, t.tasks, t.settled, t.waiting_for
FROM saga s JOIN saga_fact f ON f.id = s.id
CROSS JOIN LATERAL (
    SELECT count(*) AS tasks, count(*) FILTER (WHERE k.status IN ('done', 'excepted')) AS settled,
        array_agg(DISTINCT k.processor_id) FILTER (WHERE k.status NOT IN ('done', 'excepted', 'blocked', 'on_hold', 'cancelled')) AS waiting_for
    FROM task k WHERE k.saga_id = s.id) t
WHERE s.closed_at IS NULL AND s.controller_id = ANY($1::text[])
  AND (s.due_strict, s.id) > ($2::timestamptz, $3::uuid) AND s.due_strict < $4::timestamptz
  AND s.state = $5
  AND ($6::text IS NULL OR (SELECT true FROM task k WHERE k.saga_id = s.id AND k.processor_id = $6
        AND k.status NOT IN ('done', 'excepted', 'cancelled') LIMIT 1))
ORDER BY s.due_strict, s.id LIMIT $7;

-- name: waiting_for
-- How many tasks wait for a processor, up to a bound.
SELECT count(*) FROM (
    SELECT FROM task WHERE processor_id = $1 AND status NOT IN ('done', 'excepted', 'cancelled') LIMIT $2) AS w;

-- name: page_few
-- The same for sagas that wait for a processor for which few do: found by their tasks, where a walk along the dates
-- would pass all others.
SELECT s.id, s.controller_id, f."right", f.export_first, s.state, f.received_at, s.due_strict, f.due_legal,
    s.answered_at, s.closed_at, s.result, s.open_incidents, t.tasks, t.settled, t.waiting_for
FROM (
    SELECT * FROM saga x
    WHERE x.id IN (SELECT saga_id FROM task WHERE processor_id = $6 AND status NOT IN ('done', 'excepted', 'cancelled'))
      AND x.closed_at IS NULL AND x.controller_id = ANY($1::text[])
      AND (x.due_strict, x.id) > ($2::timestamptz, $3::uuid) AND x.due_strict < $4::timestamptz
      AND ($5::text IS NULL OR x.state = $5)
    ORDER BY x.due_strict, x.id LIMIT $7) s
JOIN saga_fact f ON f.id = s.id
CROSS JOIN LATERAL (
    SELECT count(*) AS tasks, count(*) FILTER (WHERE k.status IN ('done', 'excepted')) AS settled,
        array_agg(DISTINCT k.processor_id) FILTER (WHERE k.status NOT IN ('done', 'excepted', 'blocked', 'on_hold', 'cancelled')) AS waiting_for
    FROM task k WHERE k.saga_id = s.id) t
ORDER BY s.due_strict, s.id;

-- name: page_incident
-- The same for sagas with an open incident.
SELECT s.id, s.controller_id, f."right", f.export_first, s.state, f.received_at, s.due_strict, f.due_legal,
    s.answered_at, s.closed_at, s.result, s.open_incidents, t.tasks, t.settled, t.waiting_for
FROM saga s JOIN saga_fact f ON f.id = s.id
CROSS JOIN LATERAL (
    SELECT count(*) AS tasks, count(*) FILTER (WHERE k.status IN ('done', 'excepted')) AS settled,
        array_agg(DISTINCT k.processor_id) FILTER (WHERE k.status NOT IN ('done', 'excepted', 'blocked', 'on_hold', 'cancelled')) AS waiting_for
    FROM task k WHERE k.saga_id = s.id) t
WHERE s.open_incidents > 0 AND s.controller_id = ANY($1::text[])
  AND (s.due_strict, s.id) > ($2::timestamptz, $3::uuid) AND s.due_strict < $4::timestamptz
  AND ($5::text IS NULL OR s.state = $5)
  AND ($6::text IS NULL OR (SELECT true FROM task k WHERE k.saga_id = s.id AND k.processor_id = $6
        AND k.status = 'incident' LIMIT 1))
ORDER BY s.due_strict, s.id LIMIT $7;

-- name: page_closed
-- The same for closed sagas, controller by controller so that each goes by its index.
SELECT s.id, s.controller_id, f."right", f.export_first, s.state, f.received_at, s.due_strict, f.due_legal,
    s.answered_at, s.closed_at, s.result, s.open_incidents, t.tasks, t.settled, t.waiting_for
FROM unnest($1::text[]) AS c(controller_id)
CROSS JOIN LATERAL (
    SELECT * FROM saga x
    WHERE x.controller_id = c.controller_id AND x.closed_at IS NOT NULL
      AND (x.due_strict, x.id) > ($2::timestamptz, $3::uuid) AND x.due_strict < $4::timestamptz
      AND ($5::text IS NULL OR x.state = $5)
      AND ($6::text IS NULL OR (SELECT true FROM task k WHERE k.saga_id = x.id AND k.processor_id = $6 LIMIT 1))
    ORDER BY x.due_strict, x.id LIMIT $7) s
JOIN saga_fact f ON f.id = s.id
CROSS JOIN LATERAL (
    SELECT count(*) AS tasks, count(*) FILTER (WHERE k.status IN ('done', 'excepted')) AS settled,
        NULL::text[] AS waiting_for
    FROM task k WHERE k.saga_id = s.id) t
ORDER BY s.due_strict, s.id LIMIT $7;

-- name: incidents
-- Open incidents of some controllers, oldest first, behind a given place.
SELECT id, saga_id, controller_id, processor_id, task_id, code, detail, opened_at, resolved_at, resolved_by
FROM incident
WHERE resolved_at IS NULL AND controller_id = ANY($1::text[])
  AND (opened_at, id) > ($2::timestamptz, $3::uuid) AND ($4::text IS NULL OR code = $4)
  AND ($5::text IS NULL OR processor_id = $5)
ORDER BY opened_at, id LIMIT $6;

-- name: incidents_of_saga
-- Every incident of a saga, the resolved ones too.
SELECT id, saga_id, controller_id, processor_id, task_id, code, detail, opened_at, resolved_at, resolved_by
FROM incident WHERE saga_id = $1 ORDER BY opened_at, id;

-- name: links
-- The chain of a saga, in order.
SELECT seq, hash, content, packed FROM audit_event WHERE saga_id = $1 ORDER BY seq;

-- name: strays
-- Acknowledgements that did not count.
SELECT message_id, task_id, attempt, outcome, reason, recorded_at FROM stray_ack WHERE saga_id = $1
ORDER BY recorded_at, message_id LIMIT 100;

-- name: certificate
-- The signed document, as it was signed; of a saga that was opened anew, the last one.
SELECT document, sha256 FROM certificate WHERE saga_id = $1 ORDER BY number DESC LIMIT 1;

-- name: controller
-- Whose saga it is.
SELECT controller_id, state FROM saga WHERE id = $1;

-- name: counts
-- Open sagas by state, for metrics and the console.
SELECT state, count(*) AS sagas, count(*) FILTER (WHERE due_strict < clock_timestamp()) AS overdue,
    min(due_strict) AS next_due
FROM saga WHERE closed_at IS NULL GROUP BY state;
