-- Letters to data subjects: mailings, where contacts lie, what became of deliveries.

-- name: latest
-- The number of the latest mailing of a case, and of the latest scope that was counted; 0: none.
SELECT (SELECT coalesce(max(number), 0) FROM mailing WHERE case_id = $1) AS mailing,
    (SELECT coalesce(max(number), 0) FROM scope WHERE case_id = $1 AND counted_at IS NOT NULL) AS scope,
    EXISTS (SELECT FROM mailing WHERE case_id = $1 AND state IN ('asking', 'sending')) AS under_way,
    EXISTS (SELECT FROM scope WHERE case_id = $1 AND counted_at IS NULL) AS counting;

-- name: insert
-- A new mailing.
INSERT INTO mailing (case_id, number, scope, controller_id, occurrence, content, ordered_by)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: open
-- Mailings under way, the oldest first; those that were stopped while letters were queued, too.
SELECT case_id, number, scope, controller_id, occurrence, content, ordered_by, ordered_at, state FROM mailing m
WHERE state IN ('asking', 'sending') OR (state = 'stopped' AND EXISTS (
    SELECT FROM delivery d WHERE d.matter = m.case_id AND d.state = 'queued'
      AND d.purpose = 'breach/' || m.case_id || '/subjects/' || m.occurrence)
    AND NOT EXISTS (SELECT FROM mailing n WHERE n.case_id = m.case_id AND n.number > m.number))
ORDER BY ordered_at;

-- name: lock
-- One mailing, if it is in the state that was read.
SELECT number FROM mailing WHERE case_id = $1 AND number = $2 AND state = $3 FOR UPDATE;

-- name: becomes
-- asking -> sending; any -> told, stopped.
UPDATE mailing SET state = $3, reason = $4, ended_at = CASE WHEN $3 = 'sending' THEN NULL ELSE clock_timestamp() END
WHERE case_id = $1 AND number = $2;

-- name: wanted
-- References of searched people who are to be reached, behind one, in order.
SELECT subject FROM concerned
WHERE case_id = $1 AND number = $2 AND part = '' AND (certain OR $3) AND subject > $4 ORDER BY subject LIMIT $5;

-- name: sent_off
-- The sealed list of who is wanted lies there: the search is asked.
UPDATE search SET document_id = $2 WHERE task_id = $1;

-- name: fed
-- One more page of contacts became letters; refuses, by its count, a page that somebody else took.
UPDATE search SET fed = fed + 1 WHERE task_id = $1 AND fed = $2;

-- name: addressees
-- Where the contact of each recipient lies. Who is there already, stays.
INSERT INTO addressee (case_id, number, person, subject, task_id, page)
SELECT $1, $2, g.person, g.subject, $3, $4 FROM unnest($5::uuid[], $6::text[]) AS g(person, subject)
ON CONFLICT DO NOTHING;

-- name: sending
-- The mailings of these cases that are sending, with the case as it stands.
SELECT m.number, m.content, m.ordered_at, c.content AS case_content
FROM mailing m JOIN breach_case c ON c.id = m.case_id WHERE m.case_id = ANY($1::uuid[]) AND m.state = 'sending';

-- name: places
-- For claimed deliveries: where the contact lies, in the mailing that is sending.
SELECT a.case_id, a.person, a.task_id, a.page, m.number
FROM unnest($1::uuid[], $2::uuid[]) AS g(case_id, person)
JOIN mailing m ON m.case_id = g.case_id AND m.state = 'sending'
JOIN addressee a ON a.case_id = m.case_id AND a.number = m.number AND a.person = g.person;

-- name: withdraw
-- Letters that nobody has begun are taken out again.
DELETE FROM delivery WHERE matter = $1 AND purpose = $2 AND state = 'queued' AND attempts = 0;

-- name: deliveries
-- Everything that is known of the letters of one purpose, in order: the list whose hash is the proof.
SELECT id, state, attempts, repeats, content_sha256, message_id, reply FROM delivery
WHERE matter = $1 AND purpose = $2 ORDER BY id;

-- name: missed
-- How many people of a scope no letter has reached. As a difference of sets: its cost does not hang on a guess of the planner.
SELECT count(*) FROM (
    SELECT part, subject FROM concerned WHERE case_id = $1 AND number = $2 AND (certain OR $3)
    EXCEPT
    SELECT '', a.subject FROM addressee a JOIN delivery d ON d.recipient_ref = a.person AND d.purpose = $4
    WHERE a.case_id = $1 AND a.number = $5 AND d.state = 'sent'
) AS unreached;

-- name: doubtful
-- Letters that may have been accepted and wait for a person.
SELECT id FROM delivery WHERE matter = $1 AND state = 'uncertain';

-- name: shown
-- Every mailing of a case.
SELECT number, scope, ordered_by, ordered_at, state, reason, ended_at FROM mailing WHERE case_id = $1 ORDER BY number;
