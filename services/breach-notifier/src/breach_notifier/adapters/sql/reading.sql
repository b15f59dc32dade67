-- What is shown. Nothing here changes anything.

-- name: page_open
-- Open cases of some controllers by what is due first, behind a given place.
SELECT id, content, due FROM breach_case
WHERE state NOT IN ('dismissed', 'closed', 'merged') AND controller_id = ANY($1::text[])
  AND (due, id) > ($2::timestamptz, $3::uuid) AND ($4::text IS NULL OR state = $4)
ORDER BY due, id LIMIT $5;

-- name: page_any
-- The same for cases in one state that is not open.
SELECT id, content, due FROM breach_case
WHERE controller_id = ANY($1::text[]) AND (due, id) > ($2::timestamptz, $3::uuid) AND state = $4
ORDER BY due, id LIMIT $5;

-- name: case
-- One case.
SELECT id, content, due FROM breach_case WHERE id = $1 AND controller_id = ANY($2::text[]);

-- name: links
-- The chain of a case, in order.
SELECT seq, hash, content FROM case_event WHERE case_id = $1 ORDER BY seq;

-- name: incidents_of_case
-- What the rules saw: for a case that signals opened, and for those that go on in it. The busiest first.
SELECT id, rule, asset, first_at, last_at, hits FROM incident WHERE case_id = $1 ORDER BY hits DESC, first_at LIMIT 50;

-- name: siblings
-- Other cases that have to do with one: of its incident, related, joined with it.
SELECT id, controller_id, state, due, incident_id FROM breach_case
WHERE (incident_id = $1 OR id = ANY($2::uuid[])) AND id <> $3 AND controller_id = ANY($4::text[])
ORDER BY opened_at, id LIMIT 100;

-- name: calls_of_case
-- Who was called, when, and whether the call was taken.
SELECT receiver, about, resolves, created_at, tries, taken_at, trouble FROM call WHERE case_id = $1
ORDER BY created_at, receiver, about LIMIT 200;

-- name: notices
-- Every version of the notice of one case.
SELECT number, sha256, content, drafted_at, drafted_by FROM notice WHERE case_id = $1 ORDER BY number;

-- name: year
-- Every case of a controller that was opened within a span of time, with dismissed ones: the register of Art. 33(5).
SELECT content FROM breach_case
WHERE controller_id = $1 AND opened_at >= $2 AND opened_at < $3 ORDER BY opened_at, id;

-- name: counts
-- For metrics: open cases by state, how many are past their target, unassessed suspicions, and the next target.
SELECT state, count(*) AS cases,
    count(*) FILTER (WHERE due < clock_timestamp() AND state IN ('aware', 'assessed')) AS overdue,
    count(*) FILTER (WHERE 'unassessed' = ANY(alerts)) AS unassessed,
    min(due) FILTER (WHERE state IN ('aware', 'assessed')) AS next_due
FROM breach_case WHERE state NOT IN ('dismissed', 'closed', 'merged') GROUP BY state;

-- name: untaken
-- Calls that nobody has taken yet.
SELECT count(*) FROM call WHERE next_at IS NOT NULL AND tries > 0;
