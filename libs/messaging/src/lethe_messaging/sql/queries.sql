-- name: register
-- An instance that holds its lock writes itself down, or comes back after its session was lost.
INSERT INTO instance (instance_id, service, lock_key) VALUES ($1, $2, $3)
ON CONFLICT (instance_id) DO UPDATE SET seen_at = clock_timestamp();

-- name: end_session
-- End the session $1 of this instance, but only while it holds this instance's lock $2: pids are used again.
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE pid = $1 AND locktype = 'advisory' AND granted AND objsubid = 1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND classid = ($2::bigint >> 32)::oid AND objid = ($2::bigint & 4294967295)::oid;

-- name: forget_instances
-- Instances that have been gone for longer than anything they claimed can matter.
DELETE FROM instance WHERE seen_at < clock_timestamp() - interval '7 days' AND instance_id <> $1;

-- name: beat
-- One sign of life: the instance is seen, and each lease it owns runs on for $3. Losing it in a crash costs only time.
WITH quick AS (
    SELECT set_config('synchronous_commit', 'off', true)
), seen AS (
    UPDATE instance SET seen_at = clock_timestamp(), consuming = $2 FROM quick WHERE instance_id = $1
)
UPDATE lease SET expires_at = clock_timestamp() + $3::interval WHERE owner = $1 RETURNING slot, epoch;

-- name: try_to_lead
-- One instance of a schema relays: whoever's session holds this lock.
SELECT pg_try_advisory_lock(hashtextextended('lethe-relay/' || $1, 0));

-- name: stop_leading
-- Let another instance relay.
SELECT pg_advisory_unlock(hashtextextended('lethe-relay/' || $1, 0));

-- name: leases
-- The whole lease table, judged by the clock of the database.
SELECT slot, owner, epoch, expires_at > clock_timestamp() AS running FROM lease;

-- name: members
-- All other instances: whoever's lock can be taken (shared, for this statement) is gone.
SELECT instance_id, NOT pg_try_advisory_xact_lock_shared(lock_key) AS alive,
       consuming AND seen_at > clock_timestamp() - $2::interval AS sharing
FROM instance WHERE instance_id <> $1;

-- name: dead_instances
-- Instances whose session is gone.
SELECT instance_id FROM instance WHERE instance_id <> $1 AND pg_try_advisory_xact_lock_shared(lock_key);

-- name: make_slots
-- One lease row per slot, free at first.
INSERT INTO lease (slot) SELECT generate_series(0, $1::integer - 1) ON CONFLICT DO NOTHING;

-- name: make_offsets
-- Where each partition starts when it is consumed for the first time; rows that exist stay as they are.
INSERT INTO consumer_offset (topic, part, next_offset)
SELECT $1, part, start FROM unnest($2::integer[], $3::bigint[]) AS given (part, start)
ON CONFLICT DO NOTHING;

-- name: known_partitions
-- How many partitions of each topic have an offset row.
SELECT topic, count(*)::integer AS partitions FROM consumer_offset WHERE topic = ANY($1::text[]) GROUP BY topic;

-- name: claim_slot
-- Take a slot that is free, ran out, is ours by the row, or whose owner's session is gone. One row, or somebody was faster.
UPDATE lease SET owner = $2, epoch = epoch + 1, expires_at = clock_timestamp() + $3::interval
WHERE slot = $1 AND (
    owner IS NULL OR owner = $2 OR expires_at <= clock_timestamp() OR NOT EXISTS (
        SELECT FROM instance i WHERE i.instance_id = lease.owner AND NOT pg_try_advisory_xact_lock_shared(i.lock_key)))
RETURNING epoch;

-- name: claim_offsets
-- From here on only the new epoch moves these offsets; a transaction of the old owner still under way is waited for.
UPDATE consumer_offset SET owner_epoch = $1 WHERE part = $2 AND topic = ANY($3::text[])
RETURNING topic, next_offset;

-- name: release_slot
-- Give up a slot that we still own under this epoch.
UPDATE lease SET owner = NULL, expires_at = '-infinity' WHERE slot = $1 AND owner = $2 AND epoch = $3;

-- name: release_all
-- Give up everything, because no batch is under way any more.
UPDATE lease SET owner = NULL, expires_at = '-infinity' WHERE owner = $1;

-- name: moved
-- Owned partitions whose offset row is no longer under the epoch they were claimed with: a person moved them.
SELECT topic, part FROM consumer_offset
JOIN unnest($1::integer[], $2::bigint[]) AS mine (slot, epoch) ON part = slot AND owner_epoch <> epoch
WHERE topic = ANY($3::text[]);

-- name: advance
-- The compare-and-set: one row if nobody else moved the offset or took the partition, none if we are a zombie.
-- A process frozen in this transaction must not hold the row for longer than a lease.
WITH impatient AS (SELECT set_config('idle_in_transaction_session_timeout', '2s', true))
UPDATE consumer_offset SET next_offset = $4, updated_at = clock_timestamp() FROM impatient
WHERE topic = $1 AND part = $2 AND next_offset = $3 AND owner_epoch = $5;

-- name: offset_row
-- What is stored about one partition.
SELECT next_offset, owner_epoch FROM consumer_offset WHERE topic = $1 AND part = $2;

-- name: set_offset
-- A person moves a partition: the epoch changes, so that whoever works on it is fenced and claims it anew.
-- Moving the whole topic says that what bears its name now is the right one.
WITH accepted AS (DELETE FROM topic_identity WHERE topic = $1 AND $2::integer IS NULL)
UPDATE consumer_offset SET next_offset = $3, owner_epoch = -1, updated_at = clock_timestamp()
WHERE topic = $1 AND ($2::integer IS NULL OR part = $2) RETURNING part;

-- name: compare_topics
-- Topics whose kept id is another one; ids of topics without a kept one are kept.
WITH given AS (SELECT * FROM unnest($1::text[], $2::uuid[]) AS given (topic, topic_id)), kept AS (
    INSERT INTO topic_identity (topic, topic_id)
    SELECT topic, topic_id FROM given WHERE topic NOT IN (SELECT topic FROM topic_identity)
    ON CONFLICT DO NOTHING
)
SELECT topic FROM topic_identity JOIN given USING (topic) WHERE topic_identity.topic_id <> given.topic_id;

-- name: write_outbox
-- One chunk per unit of work, in its transaction.
INSERT INTO outbox (writer, relayed, records, chunk) VALUES ($1, $2, $3, $4) RETURNING id;

-- name: delete_outbox
-- Chunks that the broker has. Losing this in a crash costs duplicates only, so nobody waits for the disk.
WITH quick AS (SELECT set_config('synchronous_commit', 'off', true))
DELETE FROM outbox USING quick WHERE id = ANY($1::bigint[]);

-- name: leave_to_relay
-- A chunk (or what is left of it) that its writer could not publish.
UPDATE outbox SET relayed = true, records = $2, chunk = $3, attempts = attempts + 1,
       not_before = clock_timestamp() + $4::interval
WHERE id = $1;

-- name: sweep_outbox
-- What the relay has to publish, oldest first: left to it, forgotten by a living writer, or of a writer that is gone.
-- A chunk left to it waits for older chunks that its writer still publishes itself, for the order per key.
WITH living AS MATERIALIZED (
    SELECT instance_id FROM instance WHERE instance_id = $1 OR NOT pg_try_advisory_xact_lock_shared(lock_key)
), direct AS MATERIALIZED (
    SELECT writer, min(id) AS first FROM outbox
    WHERE NOT relayed AND writer IN (SELECT instance_id FROM living)
      AND written_at > clock_timestamp() - $3::interval
    GROUP BY writer
), waiting AS (
    SELECT o.id, o.attempts, o.chunk, sum(o.records) OVER (ORDER BY o.id) - o.records AS before
    FROM outbox o LEFT JOIN direct d USING (writer)
    WHERE o.not_before <= clock_timestamp() AND o.id <> ALL($2::bigint[]) AND (
        (o.relayed AND (d.first IS NULL OR o.id < d.first))
        OR o.written_at < clock_timestamp() - $3::interval
        OR o.writer NOT IN (SELECT instance_id FROM living))
    ORDER BY o.id LIMIT 500
)
SELECT id, attempts, chunk FROM waiting WHERE before < $4 ORDER BY id;

-- name: outbox_state
-- Depth and age of the outbox.
SELECT count(*)::integer AS rows, extract(epoch FROM min(written_at))::float8 AS oldest FROM outbox;

-- name: left_before
-- Whether the relay still has to publish an older chunk of this writer (one that a broker refuses does not count).
SELECT EXISTS (SELECT FROM outbox WHERE writer = $1 AND relayed AND attempts = 0 AND id < $2);

-- name: park
-- Messages put aside. A replay that parks one again changes nothing.
INSERT INTO parked_message (topic, part, record_offset, key, headers, value, code, detail)
SELECT topic, part, record_offset, key, headers::jsonb, value, code, detail
FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bytea[], $5::text[], $6::bytea[], $7::text[], $8::text[])
     AS given (topic, part, record_offset, key, headers, value, code, detail)
ON CONFLICT DO NOTHING;

-- name: parked_counts
-- How many messages wait for a person, by topic and code.
SELECT topic, code, count(*)::integer AS waiting FROM parked_message WHERE state = 'parked' GROUP BY topic, code;

-- name: parked_page
-- Parked messages in the order of their places, without their content.
SELECT topic, part, record_offset, key, headers, length(value) AS bytes, code, detail, state, note, edited_by,
       first_seen, changed_at
FROM parked_message
WHERE ($1::text IS NULL OR topic = $1) AND ($2::text IS NULL OR code = $2) AND ($3::text IS NULL OR state = $3)
  AND ($4::text IS NULL OR (topic, part, record_offset) > ($4, $5::integer, $6::bigint))
ORDER BY topic, part, record_offset LIMIT $7;

-- name: parked_one
-- One parked message, whole.
SELECT topic, part, record_offset, key, headers, value, length(value) AS bytes, code, detail, state, note, edited_by,
       edited_value, first_seen, changed_at
FROM parked_message WHERE topic = $1 AND part = $2 AND record_offset = $3;

-- name: parked_for_change
-- Parked messages of a topic, of one code or place if given, oldest first, locked for a change of state.
SELECT topic, part, record_offset, key, headers, value, edited_headers, edited_value, edited_by FROM parked_message
WHERE state = 'parked' AND topic = $1 AND ($2::text IS NULL OR code = $2)
  AND ($4::integer IS NULL OR (part = $4 AND record_offset = $5::bigint))
ORDER BY part, record_offset LIMIT $3 FOR UPDATE;

-- name: settle_parked
-- parked -> retried or discarded, with a note.
UPDATE parked_message SET state = $4, note = $5, changed_at = clock_timestamp()
FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS given (topic, part, record_offset)
WHERE parked_message.topic = given.topic AND parked_message.part = given.part
  AND parked_message.record_offset = given.record_offset AND state = 'parked';

-- name: correct_parked
-- A correction beside the message; it stays parked until somebody else sends it.
UPDATE parked_message SET edited_value = $4, edited_headers = $5, edited_by = $6, changed_at = clock_timestamp()
WHERE topic = $1 AND part = $2 AND record_offset = $3 AND state = 'parked';

-- name: note_skipped
-- A record that was left out: its place, for whoever asks what became of it.
INSERT INTO parked_message (topic, part, record_offset, headers, code, detail, state, note)
VALUES ($1, $2, $3, '[]', 'skipped', $4, 'discarded', $5) ON CONFLICT DO NOTHING;

-- name: expire_parked
-- Forget the content of messages that were settled, or that waited, for longer than the retention.
WITH old AS (
    SELECT topic, part, record_offset, state FROM parked_message
    WHERE changed_at < clock_timestamp() - $1::interval AND (value IS NOT NULL OR key IS NOT NULL)
    ORDER BY changed_at LIMIT 1000 FOR UPDATE SKIP LOCKED
)
UPDATE parked_message p SET key = NULL, value = NULL, headers = '[]', edited_value = NULL, edited_headers = NULL,
       state = CASE p.state WHEN 'parked' THEN 'expired' ELSE p.state END, changed_at = clock_timestamp()
FROM old WHERE p.topic = old.topic AND p.part = old.part AND p.record_offset = old.record_offset
RETURNING p.topic, p.part, p.record_offset, old.state AS was;

-- name: skip_record
-- A person leaves records out: only if the partition stands where they saw it stand. Whoever owns it is fenced.
UPDATE consumer_offset SET next_offset = $4, owner_epoch = -1, updated_at = clock_timestamp()
WHERE topic = $1 AND part = $2 AND next_offset = $3 RETURNING part;

-- name: offsets
-- Where every partition stands.
SELECT topic, part, next_offset, updated_at FROM consumer_offset ORDER BY topic, part;

-- name: head_of_operations
-- The last operation of the chain.
SELECT seq, hash FROM operation ORDER BY seq DESC LIMIT 1;

-- name: append_operation
-- The next link of the chain.
INSERT INTO operation (seq, hash, content) VALUES ($1, $2, $3);

-- name: operations
-- The chain, oldest first, behind a number.
SELECT seq, hash, content FROM operation WHERE seq > $1 ORDER BY seq LIMIT $2;
