-- name: insert_dsrs
-- Store those requests whose idempotency key is new for their controller; gives their ids.
INSERT INTO dsr (
    dsr_id, controller_id, idempotency_key, fingerprint, right_asked, export_first, channel, country, regime, identity,
    identifier_kinds, received_at, accepted_at, due_strict, due_legal, due_date, rule, parent_id, asked
)
SELECT *
FROM unnest(
    $1::uuid[], $2::text[], $3::bytea[], $4::bytea[], $5::text[], $6::boolean[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[],
    $16::date[], $17::text[], $18::uuid[], $19::jsonb[]
)
ON CONFLICT ON CONSTRAINT one_request_per_idempotency_key DO NOTHING
RETURNING dsr_id;

-- name: dsrs_by_key
-- What was answered to the requests that have these keys.
SELECT controller_id, idempotency_key, dsr_id, fingerprint, due_strict, due_legal, due_date, rule, repeats
FROM dsr
JOIN unnest($1::text[], $2::bytea[]) AS wanted (controller_id, idempotency_key) USING (controller_id, idempotency_key);

-- name: tell
-- Take over states that are newer than what is stored.
UPDATE dsr
SET state = told.state, status_version = told.version, told = told.body
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::jsonb[]) AS told (dsr_id, controller_id, version, state, body)
WHERE dsr.controller_id = told.controller_id AND dsr.dsr_id = told.dsr_id AND dsr.status_version < told.version;

-- name: find_dsr
-- One request, if it belongs to one of these controllers.
SELECT dsr_id, controller_id, right_asked, export_first, channel, country, identifier_kinds, received_at, accepted_at,
       due_strict, due_legal, due_date, rule, state, told, withdrawn_at, identity, doubt, verified_at, method,
       repeats, patterns, requests, parent_id, asked,
       (SELECT jsonb_build_object('target', t.target, 'state', t.state, 'attempts', t.attempts, 'tried_at', t.tried_at,
                                  'http_status', t.http_status, 'receipt_sha256', t.receipt_sha256, 'problem', t.problem)
        FROM transmission AS t WHERE t.controller_id = dsr.controller_id AND t.dsr_id = dsr.dsr_id) AS transmission
FROM dsr
LEFT JOIN identity_check USING (controller_id, dsr_id)
WHERE controller_id = ANY ($2::text[]) AND dsr_id = $1;

-- name: page_of_dsrs
-- The newest requests of these controllers before an id, optionally in one state.
SELECT page.*
FROM unnest($1::text[]) AS mine (controller_id)
CROSS JOIN LATERAL (
    SELECT dsr_id, dsr.controller_id, right_asked, export_first, channel, country, identifier_kinds, received_at,
           accepted_at, due_strict, due_legal, due_date, rule, state, told, withdrawn_at,
           identity, doubt, verified_at, method,
       repeats, patterns, requests, parent_id, asked,
       (SELECT jsonb_build_object('target', t.target, 'state', t.state, 'attempts', t.attempts, 'tried_at', t.tried_at,
                                  'http_status', t.http_status, 'receipt_sha256', t.receipt_sha256, 'problem', t.problem)
        FROM transmission AS t WHERE t.controller_id = dsr.controller_id AND t.dsr_id = dsr.dsr_id) AS transmission
    FROM dsr
    LEFT JOIN identity_check USING (controller_id, dsr_id)
    WHERE dsr.controller_id = mine.controller_id
      AND ($2::uuid IS NULL OR dsr.dsr_id < $2)
      AND ($3::text IS NULL OR dsr.state = $3)
    ORDER BY dsr.dsr_id DESC
    LIMIT $4
) AS page
ORDER BY page.dsr_id DESC
LIMIT $4;

-- name: package_facts
-- What decides whether there is a package, if the request belongs to one of these controllers.
SELECT right_asked, export_first, state, (told -> 'package' ->> 'document_id')::uuid AS document_id
FROM dsr
WHERE controller_id = ANY ($2::text[]) AND dsr_id = $1;

-- name: record_download
-- Who takes which package away.
INSERT INTO download (dsr_id, document_id, principal, at) VALUES ($1, $2, $3, $4);

-- name: open_among
-- Those requests that belong to one of these controllers and are not closed.
SELECT dsr_id FROM dsr WHERE controller_id = ANY ($2::text[]) AND dsr_id = ANY ($1::uuid[]) AND state <> 'closed';

-- name: keep_secret
-- Keep a new key unless there is one; gives the one that is kept.
WITH kept AS (
    INSERT INTO secret (name, key_id, wrapped_key) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO NOTHING
    RETURNING key_id, wrapped_key
)
SELECT key_id, wrapped_key FROM kept
UNION ALL
SELECT key_id, wrapped_key FROM secret WHERE name = $1
LIMIT 1;
