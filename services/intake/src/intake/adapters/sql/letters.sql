-- name: keep_letters
-- Letters that were asked for, once each; gives those that are new.
INSERT INTO letter (letter_id, controller_id, dsr_id, kind, language, facts, delivery_id, told)
SELECT i.letter_id, i.controller_id, i.dsr_id, i.kind, coalesce(s.language, i.language), i.facts, i.delivery_id, i.told
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::jsonb[], $7::uuid[], $8::text[])
    AS i (letter_id, controller_id, dsr_id, kind, language, facts, delivery_id, told)
LEFT JOIN spoken s ON s.dsr_id = i.dsr_id
ON CONFLICT DO NOTHING RETURNING letter_id;

-- name: keep_spoken
-- The languages of new requests.
INSERT INTO spoken (dsr_id, language) SELECT * FROM unnest($1::uuid[], $2::text[]) ON CONFLICT DO NOTHING;

-- name: to_write
-- What letters have to tell.
SELECT letter_id, controller_id, dsr_id, kind, language, facts FROM letter WHERE letter_id = ANY($1::uuid[]);

-- name: to_acknowledge
-- What an acknowledgement has to tell.
SELECT d.dsr_id, d.controller_id, d.right_asked, d.export_first, d.received_at, d.due_date, d.regime, d.country, s.language
FROM dsr d LEFT JOIN spoken s USING (dsr_id) WHERE d.dsr_id = ANY($1::uuid[]);

-- name: is_settled
-- Whether anything became of a letter that the saga has not been told.
SELECT EXISTS (
    SELECT FROM letter l JOIN delivery d ON d.id = l.delivery_id
    WHERE l.told IS NULL AND d.state IN ('sent', 'failed', 'bounced')
);

-- name: settle
-- Letters of which something became that the saga has not been told.
WITH settled AS (
    SELECT l.letter_id, d.state, d.changed_at, d.reply, d.content_sha256
    FROM letter l JOIN delivery d ON d.id = l.delivery_id
    WHERE l.told IS NULL AND d.state IN ('sent', 'failed', 'bounced')
    LIMIT $1 FOR UPDATE OF l SKIP LOCKED
)
UPDATE letter l SET told = s.state FROM settled s WHERE l.letter_id = s.letter_id
RETURNING l.letter_id, l.controller_id, l.dsr_id, l.kind, l.language, s.state, s.changed_at, s.reply, s.content_sha256;

-- name: untell
-- Letters that came back after the saga was told that they had gone: it is told again.
UPDATE letter SET told = NULL WHERE delivery_id = ANY($1::uuid[]) RETURNING letter_id;

-- name: letters_of_dsr
-- Every letter of one request, with what is known of its way, oldest first; identity checks and acknowledgements too.
SELECT coalesce(l.letter_id, d.id) AS letter_id, d.letter AS kind, coalesce(l.language, s.language) AS language,
       l.letter_id IS NOT NULL AS kept, d.channel, d.state, d.queued_at, d.changed_at, d.attempts, d.repeats, d.message_id,
       d.content_sha256, d.reply
FROM delivery d LEFT JOIN letter l ON l.delivery_id = d.id LEFT JOIN spoken s ON s.dsr_id = d.matter
WHERE d.matter = $1 AND EXISTS (SELECT FROM dsr WHERE dsr_id = $1 AND controller_id = ANY ($2::text[]))
ORDER BY d.queued_at, d.id;

-- name: dsr_is_theirs
-- Whether a request belongs to one of these controllers.
SELECT EXISTS (SELECT FROM dsr WHERE dsr_id = $1 AND controller_id = ANY ($2::text[]));

-- name: letter_of
-- What one letter of a request has to tell.
SELECT letter_id, controller_id, dsr_id, kind, language, facts, asked_at FROM letter
WHERE letter_id = $1 AND dsr_id = $2 AND controller_id = ANY ($3::text[]);
