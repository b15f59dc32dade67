-- Whom a breach concerns: the subject index, scopes, searches. Every statement of the bus works on arrays.

-- name: facts
-- What product services told; of updates the first and the last.
INSERT INTO subject_fact AS f (controller_id, processor_id, subject, category, kind, place, first_at, last_at)
SELECT controller_id, processor_id, subject, category, kind, place, min(at), max(at)
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[])
    AS g(controller_id, processor_id, subject, category, kind, place, at)
GROUP BY 1, 2, 3, 4, 5, 6
ON CONFLICT (controller_id, processor_id, subject, category, kind, place) DO UPDATE
SET first_at = least(f.first_at, excluded.first_at), last_at = greatest(f.last_at, excluded.last_at)
WHERE f.first_at > excluded.first_at OR f.last_at < excluded.last_at;

-- name: erasures
-- Verified erasures; a later look at the same processor counts.
INSERT INTO verified_erasure AS e (dsr_id, controller_id, processor_id, at, erased)
SELECT DISTINCT ON (1, 3) * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::boolean[])
    AS g(dsr_id, controller_id, processor_id, at, erased) ORDER BY 1, 3, 4 DESC
ON CONFLICT (dsr_id, processor_id) DO UPDATE SET at = excluded.at, erased = e.erased OR excluded.erased
WHERE e.at < excluded.at;

-- name: unnamed
-- Erasures whose people were not looked up yet.
SELECT dsr_id, controller_id, processor_id FROM verified_erasure WHERE tokens IS NULL ORDER BY dsr_id LIMIT $1;

-- name: name
-- Tokens and references of erased people, each as one text; empty where the vault could not tell.
UPDATE verified_erasure AS e SET tokens = string_to_array(g.tokens, ' '), refs = string_to_array(g.refs, ' ')
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS g(dsr_id, processor_id, tokens, refs)
WHERE e.dsr_id = g.dsr_id AND e.processor_id = g.processor_id AND e.tokens IS NULL;

-- name: indexed
-- Which of these processors tell of their people by subject events.
SELECT p FROM unnest($2::text[]) AS p
WHERE EXISTS (SELECT FROM subject_fact WHERE controller_id = $1 AND processor_id = p);

-- name: facts_of
-- All facts of one processor behind a person, person by person.
SELECT subject, category, kind, first_at, last_at FROM subject_fact
WHERE controller_id = $1 AND processor_id = $2 AND subject > $3
ORDER BY controller_id, processor_id, subject LIMIT $4;

-- name: erasures_of
-- Verified erasures at these processors.
SELECT processor_id, at, erased, tokens, refs FROM verified_erasure
WHERE controller_id = $1 AND processor_id = ANY($2::text[]) AND tokens IS NOT NULL;

-- name: unnamed_of
-- How many are not looked up yet.
SELECT count(*) FROM verified_erasure
WHERE controller_id = $1 AND processor_id = ANY($2::text[]) AND tokens IS NULL;

-- name: latest_scope
-- The number of the latest scope of a case; 0: there is none.
SELECT coalesce(max(number), 0) FROM scope WHERE case_id = $1;

-- name: insert_scope
-- A new scope.
INSERT INTO scope (case_id, number, controller_id, content, asked_by) VALUES ($1, $2, $3, $4, $5);

-- name: insert_searches
-- Searches of one scope or mailing.
INSERT INTO search (task_id, case_id, number, search, controller_id, processor_id)
SELECT t, $2, $3, $4, $5, p FROM unnest($1::uuid[], $6::text[]) AS g(t, p);

-- name: answered
-- What searches came to, each once.
UPDATE search AS s SET answered_at = clock_timestamp(), people = g.people, pages = g.pages, document_id = g.document_id,
    failure = nullif(g.failure, '')
FROM unnest($1::uuid[], $2::bigint[], $3::integer[], $4::uuid[], $5::text[])
    AS g(task_id, people, pages, document_id, failure)
WHERE s.task_id = g.task_id AND s.answered_at IS NULL;

-- name: countable
-- The scope that has waited longest and whose searches are all answered.
SELECT case_id, number, controller_id, content FROM scope s
WHERE counted_at IS NULL AND NOT EXISTS (
    SELECT FROM search q WHERE q.case_id = s.case_id AND q.search = 'locate' AND q.number = s.number
      AND q.answered_at IS NULL)
ORDER BY asked_at LIMIT 1;

-- name: searches_of
-- Searches of one scope or mailing.
SELECT task_id, processor_id, asked_at, answered_at, failure, people, pages, fed, document_id, shredded_at FROM search
WHERE case_id = $1 AND search = $2 AND number = $3 ORDER BY processor_id;

-- name: lock_scope
-- Whether the scope still waits to be counted; whoever counts it first holds it.
SELECT number FROM scope WHERE case_id = $1 AND number = $2 AND counted_at IS NULL FOR UPDATE;

-- name: delta
-- How many came in and how many came out, against the scope before.
SELECT
    (SELECT count(*) FROM concerned n WHERE n.case_id = $1 AND n.number = $2 AND NOT EXISTS (
        SELECT FROM concerned b WHERE b.case_id = $1 AND b.number = $3 AND b.part = n.part AND b.subject = n.subject)) AS added,
    (SELECT count(*) FROM concerned b WHERE b.case_id = $1 AND b.number = $3 AND NOT EXISTS (
        SELECT FROM concerned n WHERE n.case_id = $1 AND n.number = $2 AND n.part = b.part AND n.subject = b.subject)) AS removed;

-- name: counted_before
-- The scope that was counted last before this one; 0: none.
SELECT coalesce(max(number), 0) FROM scope WHERE case_id = $1 AND number < $2 AND counted_at IS NOT NULL;

-- name: counted
-- What a scope came to.
UPDATE scope SET counted_at = clock_timestamp(), lower = $3, upper = $4, digest = $5, added = $6, removed = $7
WHERE case_id = $1 AND number = $2;

-- name: scopes
-- Every scope of a case with what came of it.
SELECT number, content, asked_by, asked_at, counted_at, lower, upper, digest, added, removed FROM scope
WHERE case_id = $1 ORDER BY number;

-- name: spent
-- Searches whose findings are of no more use: counted scopes, ended mailings.
SELECT s.task_id FROM search s WHERE s.shredded_at IS NULL AND s.answered_at IS NOT NULL AND (
    (s.search = 'locate' AND EXISTS (
        SELECT FROM scope c WHERE c.case_id = s.case_id AND c.number = s.number AND c.counted_at IS NOT NULL))
    OR (s.search = 'contact' AND EXISTS (
        SELECT FROM mailing m WHERE m.case_id = s.case_id AND m.number = s.number AND m.state IN ('told', 'stopped'))))
LIMIT $1;

-- name: shredded
-- Their keys are destroyed.
UPDATE search SET shredded_at = clock_timestamp() WHERE task_id = ANY($1::uuid[]) AND shredded_at IS NULL;

-- name: over
-- Incidents all of whose cases have been over for longer than $1, with what their reports are sealed under.
WITH ended AS (
    SELECT c.incident_id, c.content, (e.content::jsonb ->> 'at')::timestamptz AS at, c.state
    FROM breach_case c JOIN case_event e ON e.case_id = c.id AND e.seq = c.audit_seq
)
SELECT incident_id, array_agg(content) AS contents FROM ended x
WHERE NOT EXISTS (SELECT FROM shredded_incident s WHERE s.incident_id = x.incident_id)
GROUP BY incident_id
HAVING bool_and(state IN ('dismissed', 'closed') AND at < clock_timestamp() - $1::interval)
ORDER BY incident_id LIMIT $2;

-- name: still_evidence
-- Of these reports, those that a case relies on which is not over.
SELECT DISTINCT r FROM unnest($1::text[]) AS r JOIN breach_case c
    ON c.state NOT IN ('dismissed', 'closed') AND position(r IN c.content) > 0;

-- name: forget_incidents
-- Their sealed descriptions are destroyed.
INSERT INTO shredded_incident (incident_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING;
