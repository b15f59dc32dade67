-- name: know
-- Enter people who are not known yet; gives for each hash the request that it is known by.
INSERT INTO known_person (controller_id, person, dsr_id, last_at)
SELECT * FROM unnest($1::text[], $2::bytea[], $3::uuid[], $4::timestamptz[]) AS given (c, p, d, a) ORDER BY c, p
ON CONFLICT (controller_id, person) DO UPDATE SET dsr_id = known_person.dsr_id
RETURNING controller_id, person, dsr_id, requests;

-- name: owners
-- What is known of the requests that people are known by. One that never was is left out.
SELECT dsr.dsr_id, state = 'closed' OR withdrawn_at IS NOT NULL AS over, export_first, identity, due_strict, due_legal,
       due_date, rule, CASE WHEN state = 'closed' THEN (told ->> 'at')::timestamptz END AS closed_at,
       (
           SELECT count(*)  -- up to a few: more makes no difference
           FROM (SELECT FROM dsr AS o WHERE o.repeats = dsr.dsr_id AND o.state <> 'closed' LIMIT 10) AS few
       ) AS open_repeats
FROM dsr
JOIN unnest($1::text[], $2::uuid[]) AS wanted (controller_id, dsr_id) USING (controller_id, dsr_id);

-- name: attached
-- What requests with these keys were answered with.
SELECT a.controller_id, a.idempotency_key, a.fingerprint, a.dsr_id, due_strict, due_legal, due_date, rule
FROM attached AS a
JOIN unnest($1::text[], $2::bytea[]) AS wanted (c, k) ON a.controller_id = c AND a.idempotency_key = k
JOIN dsr ON dsr.controller_id = a.controller_id AND dsr.dsr_id = a.dsr_id;

-- name: attach
-- Answer requests with one that is open.
INSERT INTO attached (controller_id, idempotency_key, fingerprint, dsr_id, at)
SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::uuid[], $5::timestamptz[]);

-- name: again
-- Count requests of people who are known, and let one take the place of a request that is over.
UPDATE known_person AS known
SET requests = known.requests + given.number, last_at = given.at, dsr_id = coalesce(given.dsr_id, known.dsr_id)
FROM unnest($1::text[], $2::bytea[], $3::integer[], $4::timestamptz[], $5::uuid[])
    AS given (controller_id, person, number, at, dsr_id)
WHERE known.controller_id = given.controller_id AND known.person = given.person;

-- name: flag
-- Note on new requests which one they repeat, and what a person has to look at.
UPDATE dsr
SET repeats = given.repeats, patterns = given.patterns, requests = given.requests
FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::integer[])
    AS given (controller_id, dsr_id, repeats, patterns, requests)
WHERE dsr.controller_id = given.controller_id AND dsr.dsr_id = given.dsr_id;

-- name: forget
-- Drop some of those that have not asked for long and have nothing open.
DELETE FROM known_person AS known
WHERE (controller_id, person) IN (
    SELECT k.controller_id, k.person
    FROM known_person AS k
    LEFT JOIN dsr ON dsr.controller_id = k.controller_id AND dsr.dsr_id = k.dsr_id
    WHERE k.last_at < $1 AND (dsr.state IS NULL OR dsr.state = 'closed')
    LIMIT $2
);
