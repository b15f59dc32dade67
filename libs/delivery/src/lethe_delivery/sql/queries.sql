-- name: join
-- An instance that holds its lock writes itself down, or comes back after its session was lost.
INSERT INTO delivery_instance (instance_id, lock_key) VALUES ($1, $2)
ON CONFLICT (instance_id) DO UPDATE SET seen_at = clock_timestamp();

-- name: hold_lock
-- The session-level lock by which others see that we live.
SELECT pg_try_advisory_lock($1);

-- name: end_session
-- Our own former session, which the server takes for alive: ended there, and only while it holds this very lock.
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE pid = $1 AND locktype = 'advisory' AND granted AND objsubid = 1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND classid = ($2::bigint >> 32)::oid AND objid = ($2::bigint & 4294967295)::oid;

-- name: beat
-- A sign of life.
UPDATE delivery_instance SET seen_at = clock_timestamp() WHERE instance_id = $1;

-- name: leave
-- An orderly end: nothing is owned any more.
DELETE FROM delivery_instance WHERE instance_id = $1
AND NOT EXISTS (SELECT FROM delivery WHERE owner = $1);

-- name: enqueue
-- One row per letter and recipient; those that exist stay as they are.
INSERT INTO delivery (id, channel, purpose, recipient_ref, matter, letter, on_doubt)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::text[])
ON CONFLICT DO NOTHING RETURNING id;

-- name: refill
-- The bucket of a channel, filled up for the time that has passed ($2 a second, at most $3) and locked.
INSERT INTO delivery_rate AS r (channel, tokens) VALUES ($1, $3)
ON CONFLICT (channel) DO UPDATE SET refilled_at = clock_timestamp(), tokens = least($3, r.tokens
    + greatest(0, extract(epoch FROM clock_timestamp() - r.refilled_at)) * $2)
RETURNING tokens;

-- name: spend
-- What was claimed is taken out of the bucket.
UPDATE delivery_rate SET tokens = tokens - $2 WHERE channel = $1;

-- name: claim
-- queued -> claimed: what is due longest; rows that another instance is just taking are passed over.
WITH due AS (
    SELECT id FROM delivery WHERE state = 'queued' AND channel = $1 AND not_before <= clock_timestamp()
    ORDER BY not_before, id LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE delivery d SET state = 'claimed', owner = $2, changed_at = clock_timestamp() FROM due WHERE d.id = due.id
RETURNING d.id, d.purpose, d.recipient_ref, d.matter, d.letter, d.attempts, d.queued_at;

-- name: next_due
-- Seconds until something is due on this channel; null if nothing waits.
SELECT extract(epoch FROM not_before - clock_timestamp())::float8 FROM delivery
WHERE state = 'queued' AND channel = $1 ORDER BY not_before LIMIT 1;

-- name: hand_over
-- claimed -> sending, committed before the first byte of DATA. Only rows that are still ours come back.
UPDATE delivery d SET state = 'sending', attempts = d.attempts + 1, content_sha256 = given.sha256,
       message_id = given.message_id, began_at = clock_timestamp(), changed_at = clock_timestamp()
FROM unnest($2::uuid[], $3::text[], $4::text[]) AS given (id, sha256, message_id)
WHERE d.id = given.id AND d.owner = $1 AND d.state = 'claimed'
RETURNING d.id, d.attempts;

-- name: settle
-- What came of attempts. A late 250 counts even if somebody has taken the row for lost, as long as it was not tried again.
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::float8[])
        AS given (id, number, state, outcome, reply, pause)
), told AS (
    INSERT INTO delivery_attempt (delivery_id, number, began_at, outcome, reply, content_sha256)
    SELECT g.id, g.number, d.began_at, g.outcome, g.reply, d.content_sha256
    FROM given g JOIN delivery d ON d.id = g.id
    ON CONFLICT (delivery_id, number) DO UPDATE
    SET outcome = EXCLUDED.outcome, reply = EXCLUDED.reply, ended_at = clock_timestamp()
)
UPDATE delivery d SET state = given.state, owner = NULL, reply = given.reply, changed_at = clock_timestamp(),
       not_before = clock_timestamp() + make_interval(secs => given.pause)
FROM given WHERE d.id = given.id AND d.attempts = given.number AND (
    d.state IN ('sending', 'uncertain') OR (given.state = 'sent' AND d.state IN ('queued', 'claimed')));

-- name: unreachable
-- claimed -> failed: there is nowhere to send it, and nothing was sent.
UPDATE delivery d SET state = 'failed', owner = NULL, reply = given.reply, changed_at = clock_timestamp()
FROM unnest($2::uuid[], $3::text[]) AS given (id, reply)
WHERE d.id = given.id AND d.owner = $1 AND d.state = 'claimed';

-- name: tidy
-- After an error of our own: what we own was never handed over, since every outcome is kept until it is settled.
UPDATE delivery SET state = 'queued', owner = NULL, changed_at = clock_timestamp(),
       attempts = attempts - (state = 'sending')::integer, not_before = clock_timestamp() + make_interval(secs => $3)
WHERE owner = $1 AND id <> ALL($2::uuid[]);

-- name: rescue
-- What instances left that are gone (their lock is free) or frozen (not seen for $2): what was only claimed goes back,
-- what was being sent is uncertain.
WITH gone AS MATERIALIZED (
    SELECT instance_id FROM delivery_instance
    WHERE instance_id <> $1
      AND (seen_at < clock_timestamp() - $2::interval OR pg_try_advisory_xact_lock_shared(lock_key))
), left_behind AS (
    SELECT d.id, d.state FROM delivery d JOIN gone g ON d.owner = g.instance_id FOR UPDATE OF d SKIP LOCKED
), told AS (
    INSERT INTO delivery_attempt (delivery_id, number, began_at, outcome, reply, content_sha256)
    SELECT d.id, d.attempts, d.began_at, 'uncertain', 'the sender ended before it knew', d.content_sha256
    FROM delivery d JOIN left_behind l USING (id) WHERE l.state = 'sending'
    ON CONFLICT DO NOTHING
)
UPDATE delivery d SET state = CASE l.state WHEN 'sending' THEN 'uncertain' ELSE 'queued' END,
       owner = NULL, changed_at = clock_timestamp()
FROM left_behind l WHERE d.id = l.id
RETURNING d.state;

-- name: forget_instances
-- Instances that are gone and own nothing.
DELETE FROM delivery_instance i WHERE i.instance_id <> $1 AND pg_try_advisory_xact_lock_shared(i.lock_key)
AND NOT EXISTS (SELECT FROM delivery WHERE owner = i.instance_id);

-- name: doubtful
-- Uncertain for longer than $2: long enough for a server to have finished, and to have written down, what it accepted.
SELECT id, attempts, message_id, on_doubt FROM delivery
WHERE state = 'uncertain' AND channel = $1 AND changed_at < clock_timestamp() - $2::interval
  AND ($3 OR on_doubt = 'resend')
ORDER BY changed_at LIMIT 1000;

-- name: found
-- uncertain -> sent or queued, because a log says whether it was accepted. Sending what was not is no repeat.
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::integer[], $3::boolean[], $4::text[]) AS given (id, number, accepted, reply)
), told AS (
    UPDATE delivery_attempt a SET outcome = CASE WHEN g.accepted THEN 'found_accepted' ELSE 'found_missing' END,
           reply = g.reply
    FROM given g WHERE a.delivery_id = g.id AND a.number = g.number AND a.outcome = 'uncertain'
)
UPDATE delivery d SET state = CASE WHEN given.accepted THEN 'sent' ELSE 'queued' END,
       reply = given.reply, changed_at = clock_timestamp(), not_before = '-infinity'
FROM given WHERE d.id = given.id AND d.attempts = given.number AND d.state = 'uncertain';

-- name: send_again
-- uncertain -> queued without knowing: the same Message-ID again, counted.
UPDATE delivery SET state = 'queued', repeats = repeats + 1, not_before = '-infinity', changed_at = clock_timestamp()
WHERE id = ANY($1::uuid[]) AND state = 'uncertain' RETURNING id;

-- name: give_up
-- uncertain -> failed: a person decided that it is not sent again.
UPDATE delivery SET state = 'failed', reply = $2, changed_at = clock_timestamp()
WHERE id = ANY($1::uuid[]) AND state = 'uncertain' RETURNING id;

-- name: take_bounces
-- Reports that letters did not arrive, each kept once. sent -> bounced; or queued again after a pause ($6 seconds, longer
-- each time) while there were no more than $5 that say "not now". One that is being sent is left for another time.
WITH given AS (
    SELECT DISTINCT ON (g.id, g.report) g.id, g.report, g.permanent, g.status, d.state
    FROM unnest($1::uuid[], $2::text[], $3::boolean[], $4::text[]) AS g (id, report, permanent, status)
    JOIN delivery d ON d.id = g.id AND d.state <> 'sending'
), fresh AS (
    INSERT INTO delivery_bounce (delivery_id, report, permanent, status)
    SELECT id, report, permanent, status FROM given
    ON CONFLICT DO NOTHING RETURNING delivery_id, permanent, status
), told AS (
    SELECT f.delivery_id AS id, bool_or(f.permanent) AS permanent, max(f.status) AS status,
           count(*) + (SELECT count(*) FROM delivery_bounce b WHERE b.delivery_id = f.delivery_id) AS reports
    FROM fresh f GROUP BY f.delivery_id
), changed AS (
    UPDATE delivery d
    SET state = CASE WHEN t.permanent OR t.reports > $5 THEN 'bounced' ELSE 'queued' END,
        not_before = clock_timestamp() + make_interval(secs => t.reports * $6::float8),
        reply = t.status, changed_at = clock_timestamp()
    FROM told t WHERE d.id = t.id AND d.state IN ('sent', 'uncertain')
    RETURNING d.id, d.state
)
SELECT DISTINCT g.id, c.state AS became FROM given g LEFT JOIN changed c USING (id);

-- name: counts
-- How far the letters of a matter are.
SELECT state, count(*)::integer AS letters, sum(repeats)::integer AS repeats
FROM delivery WHERE matter = $1 GROUP BY state;

-- name: proofs
-- What is known of single deliveries.
SELECT id, channel, purpose, recipient_ref, matter, letter, state, attempts, repeats, queued_at, changed_at,
       content_sha256, message_id, reply
FROM delivery WHERE id = ANY($1::uuid[]);

-- name: attempts
-- The attempts of one delivery, in order.
SELECT number, began_at, ended_at, outcome, reply, content_sha256 FROM delivery_attempt
WHERE delivery_id = $1 ORDER BY number;
