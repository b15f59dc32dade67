-- The only way in for services. Each runs as the owner with a fixed search path; error codes LV0xx are read by lethe_vault.errors.
-- A wrapped key leaves in two steps: `announce_*` writes the record and is committed, `collect_*` gives the key for that
-- record. In one step a reader could roll its own record back.

CREATE FUNCTION seal(
    dsr_ids uuid[], subject_refs uuid[], controller_ids text[], key_ids text[], wrapped_keys bytea[], ciphertexts bytea[]
) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
    INSERT INTO sealed (dsr_id, subject_ref, controller_id, key_id, wrapped_key, ciphertext)
    SELECT * FROM unnest(dsr_ids, subject_refs, controller_ids, key_ids, wrapped_keys, ciphertexts);
$$;

CREATE FUNCTION announce(redeemer text, reason text, dsr_ids uuid[], task_ids uuid[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
DECLARE
    issued bigint := nextval('ticket');
BEGIN
    INSERT INTO redemption (ticket, position, redeemer, reason, dsr_id, task_id, found)
    SELECT issued, item.position, announce.redeemer, announce.reason, item.dsr_id, item.task_id,
           sealed.dsr_id IS NOT NULL AND sealed.shredded_at IS NULL
    FROM unnest(dsr_ids, task_ids) WITH ORDINALITY AS item (dsr_id, task_id, position)
    LEFT JOIN sealed ON sealed.dsr_id = item.dsr_id;
    RETURN issued;
END $$;

CREATE FUNCTION announce_document(redeemer text, reason text, document_id uuid, task_id uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
DECLARE
    issued bigint := nextval('ticket');
BEGIN
    INSERT INTO redemption (ticket, position, redeemer, reason, dsr_id, task_id, document_id, found)
    SELECT issued, 1, announce_document.redeemer, announce_document.reason, document.dsr_id,
           announce_document.task_id, wanted.id, document.dsr_id IS NOT NULL
    FROM (SELECT announce_document.document_id AS id) AS wanted
    LEFT JOIN document ON document.document_id = wanted.id;
    RETURN issued;
END $$;

CREATE FUNCTION announce_processor(
    redeemer text, reason text, processor_id text, new_key_id text, new_wrapped_key bytea
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
DECLARE
    issued bigint := nextval('ticket');
BEGIN
    INSERT INTO processor_key (processor_id, key_id, wrapped_key)
    VALUES (announce_processor.processor_id, new_key_id, new_wrapped_key)
    ON CONFLICT DO NOTHING;
    INSERT INTO redemption (ticket, position, redeemer, reason, processor_id, found)
    VALUES (issued, 1, announce_processor.redeemer, announce_processor.reason, announce_processor.processor_id, true);
    RETURN issued;
END $$;

-- Not granted to services: raises unless this session's role committed the ticket within the last minute.
CREATE FUNCTION require_committed(wanted bigint) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = vault, pg_temp AS $$
BEGIN
    PERFORM 1 FROM redemption
    WHERE ticket = wanted AND role = session_user AND at > clock_timestamp() - interval '1 minute'
      AND xact IS DISTINCT FROM pg_current_xact_id_if_assigned()
    LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the redemption is not on record' USING ERRCODE = 'LV001';
    END IF;
END $$;

CREATE FUNCTION collect(ticket bigint)
RETURNS TABLE (dsr_id uuid, subject_ref uuid, controller_id text, key_id text, wrapped_key bytea, ciphertext bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM require_committed(collect.ticket);
    RETURN QUERY
        SELECT dsr_id, subject_ref, controller_id, key_id, wrapped_key, ciphertext FROM sealed
        WHERE shredded_at IS NULL
          AND dsr_id IN (SELECT r.dsr_id FROM redemption AS r WHERE r.ticket = collect.ticket);
END $$;

CREATE FUNCTION collect_document(ticket bigint)
RETURNS TABLE (
    dsr_id uuid, key_id text, wrapped_key bytea, document_id uuid, upload_id uuid, salt bytea, size bigint, sha256 text,
    chunks integer
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM require_committed(collect_document.ticket);
    RETURN QUERY
        SELECT s.dsr_id, s.key_id, s.wrapped_key, d.document_id, d.upload_id, u.salt, d.size, d.sha256, d.chunks
        FROM redemption AS r JOIN document AS d USING (document_id) JOIN upload AS u USING (upload_id)
        JOIN sealed AS s ON s.dsr_id = d.dsr_id
        WHERE r.ticket = collect_document.ticket AND s.shredded_at IS NULL;
END $$;

CREATE FUNCTION collect_processor(ticket bigint) RETURNS TABLE (key_id text, wrapped_key bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM require_committed(collect_processor.ticket);
    RETURN QUERY
        SELECT k.key_id, k.wrapped_key FROM redemption AS r JOIN processor_key AS k USING (processor_id)
        WHERE r.ticket = collect_processor.ticket;
END $$;

CREATE FUNCTION begin_upload(dsr_id uuid, document_id uuid, name text, media_type text, salt bytea)
RETURNS TABLE (upload_id uuid, stored_as uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
#variable_conflict use_column
BEGIN
    -- the lock makes a shredding wait, or be seen
    PERFORM 1 FROM sealed WHERE dsr_id = begin_upload.dsr_id AND shredded_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no sealed data under this id' USING ERRCODE = 'LV002';
    END IF;
    PERFORM 1 FROM document WHERE document_id = begin_upload.document_id AND dsr_id <> begin_upload.dsr_id;
    IF FOUND THEN
        RAISE EXCEPTION 'the document belongs to another request' USING ERRCODE = 'LV003';
    END IF;
    RETURN QUERY
        INSERT INTO upload (document_id, dsr_id, name, media_type, salt)
        VALUES (coalesce(begin_upload.document_id, gen_random_uuid()), begin_upload.dsr_id, begin_upload.name,
                begin_upload.media_type, begin_upload.salt)
        RETURNING upload.upload_id, upload.document_id;
END $$;

CREATE FUNCTION put_chunks(upload_id uuid, first integer, ciphertexts bytea[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
BEGIN
    PERFORM 1 FROM upload WHERE upload.upload_id = put_chunks.upload_id FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the upload was swept or its request shredded' USING ERRCODE = 'LV002';
    END IF;
    INSERT INTO chunk (upload_id, position, ciphertext)
    SELECT put_chunks.upload_id, put_chunks.first + item.n - 1, item.ciphertext
    FROM unnest(ciphertexts) WITH ORDINALITY AS item (ciphertext, n);
END $$;

-- The document points at this upload from now on; the one it pointed at before is deleted.
CREATE FUNCTION finish_upload(upload_id uuid, size bigint, sha256 text, chunks integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
#variable_conflict use_column
DECLARE
    finished upload;
    former uuid;
BEGIN
    -- first the request, then the upload: the order in which a shredding locks
    PERFORM 1 FROM sealed
    WHERE dsr_id = (SELECT u.dsr_id FROM upload AS u WHERE u.upload_id = finish_upload.upload_id)
      AND shredded_at IS NULL
    FOR SHARE;
    SELECT * INTO finished FROM upload WHERE upload_id = finish_upload.upload_id FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the upload was swept or its request shredded' USING ERRCODE = 'LV002';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(finished.document_id::text, 0));
    SELECT d.upload_id INTO former FROM document AS d WHERE d.document_id = finished.document_id;
    INSERT INTO document (document_id, upload_id, dsr_id, size, sha256, chunks)
    VALUES (finished.document_id, finished.upload_id, finished.dsr_id, finish_upload.size, finish_upload.sha256,
            finish_upload.chunks)
    ON CONFLICT (document_id) DO UPDATE SET
        upload_id = excluded.upload_id, size = excluded.size, sha256 = excluded.sha256, chunks = excluded.chunks,
        stored_at = now()
    WHERE document.dsr_id = excluded.dsr_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the document belongs to another request' USING ERRCODE = 'LV003';
    END IF;
    DELETE FROM upload WHERE upload_id = former AND upload_id <> finished.upload_id;
END $$;

-- Ciphertext only: useless without the key that `collect_document` gives.
CREATE FUNCTION read_chunks(upload_id uuid, first integer, most integer)
RETURNS TABLE ("position" integer, ciphertext bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = vault, pg_temp AS $$
    SELECT c.position, c.ciphertext FROM chunk AS c
    WHERE c.upload_id = read_chunks.upload_id AND c.position >= read_chunks.first
      AND c.position < read_chunks.first + read_chunks.most
    ORDER BY c.position;
$$;

CREATE FUNCTION describe_document(document_id uuid)
RETURNS TABLE (
    dsr_id uuid, upload_id uuid, name text, media_type text, size bigint, sha256 text, stored_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = vault, pg_temp AS $$
    SELECT d.dsr_id, d.upload_id, u.name, u.media_type, d.size, d.sha256, d.stored_at
    FROM document AS d JOIN upload AS u USING (upload_id)
    WHERE d.document_id = describe_document.document_id;
$$;

CREATE FUNCTION shred(dsr_ids uuid[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
DECLARE
    shredded integer;
BEGIN
    WITH target AS (
        SELECT dsr_id FROM sealed WHERE dsr_id = ANY (dsr_ids) AND shredded_at IS NULL ORDER BY dsr_id FOR UPDATE
    )
    UPDATE sealed
    SET shredded_at = now(), subject_ref = NULL, controller_id = NULL, key_id = NULL, wrapped_key = NULL, ciphertext = NULL
    FROM target WHERE sealed.dsr_id = target.dsr_id;
    GET DIAGNOSTICS shredded = ROW_COUNT;
    DELETE FROM document WHERE document.dsr_id = ANY (dsr_ids);
    DELETE FROM upload WHERE upload.dsr_id = ANY (dsr_ids);
    RETURN shredded;
END $$;

-- Uploads that nobody finished within a day.
CREATE FUNCTION sweep_uploads() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
DECLARE
    swept integer;
BEGIN
    DELETE FROM upload WHERE started_at < now() - interval '1 day'
        AND NOT EXISTS (SELECT FROM document WHERE document.upload_id = upload.upload_id);
    GET DIAGNOSTICS swept = ROW_COUNT;
    RETURN swept;
END $$;

CREATE FUNCTION redemptions_of(dsr_id uuid)
RETURNS TABLE (redeemer text, role text, reason text, task_id uuid, document_id uuid, found boolean, at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = vault, pg_temp AS $$
    SELECT r.redeemer, r.role, r.reason, r.task_id, r.document_id, r.found, r.at
    FROM redemption AS r WHERE r.dsr_id = redemptions_of.dsr_id ORDER BY r.ticket, r.position;
$$;
