-- name: insert_report
-- Store a report if its idempotency key is new for its controller; gives its id then.
INSERT INTO breach_report (breach_id, controller_id, idempotency_key, fingerprint, reporter, reported_by, accepted_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT ON CONSTRAINT one_report_per_idempotency_key DO NOTHING RETURNING breach_id;

-- name: report_by_key
-- What was answered to the report that has this key.
SELECT breach_id, fingerprint, accepted_at FROM breach_report WHERE controller_id = $1 AND idempotency_key = $2;
