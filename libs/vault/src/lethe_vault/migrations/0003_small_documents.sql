-- Documents of one chunk each, many with one call: what begin_upload, put_chunks and finish_upload do one by one.
-- Gives those that were refused by their place in the arrays, from 1 on; all others are stored.
CREATE FUNCTION store_documents(
    dsr_ids uuid[], document_ids uuid[], names text[], media_types text[], salts bytea[], sizes bigint[], hashes text[],
    ciphertexts bytea[]
) RETURNS TABLE (place integer, reason text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
#variable_conflict use_column
BEGIN
    -- first the requests, so that a shredding waits or is seen; then the documents, each against another writing of it
    PERFORM 1 FROM sealed WHERE dsr_id = ANY (dsr_ids) AND shredded_at IS NULL ORDER BY dsr_id FOR SHARE;
    PERFORM pg_advisory_xact_lock(key)
    FROM (SELECT DISTINCT hashtextextended(id::text, 0) AS key FROM unnest(document_ids) AS id ORDER BY 1) AS taken;
    RETURN QUERY
        WITH given AS MATERIALIZED (
            SELECT g.*, gen_random_uuid() AS upload_id, d.upload_id AS former,
                   CASE WHEN s.dsr_id IS NULL THEN 'gone' WHEN d.dsr_id <> g.dsr_id THEN 'owner' END AS refused
            FROM unnest(dsr_ids, document_ids, names, media_types, salts, sizes, hashes, ciphertexts) WITH ORDINALITY
                AS g (dsr_id, document_id, name, media_type, salt, size, sha256, ciphertext, n)
            LEFT JOIN sealed AS s ON s.dsr_id = g.dsr_id AND s.shredded_at IS NULL
            LEFT JOIN document AS d ON d.document_id = g.document_id
        ), uploads AS (
            INSERT INTO upload (upload_id, document_id, dsr_id, name, media_type, salt)
            SELECT upload_id, document_id, dsr_id, name, media_type, salt FROM given WHERE refused IS NULL
        ), chunks AS (
            INSERT INTO chunk (upload_id, position, ciphertext)
            SELECT upload_id, 0, ciphertext FROM given WHERE refused IS NULL
        ), documents AS (
            INSERT INTO document (document_id, upload_id, dsr_id, size, sha256, chunks)
            SELECT document_id, upload_id, dsr_id, size, sha256, 1 FROM given WHERE refused IS NULL
            ON CONFLICT (document_id) DO UPDATE SET
                upload_id = excluded.upload_id, size = excluded.size, sha256 = excluded.sha256,
                chunks = excluded.chunks, stored_at = now()
        ), replaced AS (
            DELETE FROM upload WHERE upload_id IN (SELECT former FROM given WHERE refused IS NULL)
        )
        SELECT n::integer, refused FROM given WHERE refused IS NOT NULL;
END $$;
