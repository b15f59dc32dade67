-- name: seal
-- Store one row per DSR, inside the caller's transaction.
SELECT vault.seal($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::bytea[]);

-- name: references
-- The reference of the person whom each request is about.
SELECT dsr_id, subject_ref FROM vault.references_of($1::uuid[]);

-- name: announce
-- Put on record who is about to open which DSRs, for which tasks.
SELECT vault.announce($1, $2, $3::uuid[], $4::uuid[]);

-- name: announce_document
-- Put on record who is about to read or write a document.
SELECT vault.announce_document($1, $2, $3, $4);

-- name: announce_processor
-- Put on record who is about to use a processor's key; the offered key is kept if there is none yet.
SELECT vault.announce_processor($1, $2, $3, $4, $5);

-- name: collect
-- The sealed rows that a committed record names, without those that are shredded or unknown.
SELECT dsr_id, subject_ref, controller_id, key_id, wrapped_key, ciphertext FROM vault.collect($1);

-- name: collect_document
-- Keys and layout of the document that a committed record names.
SELECT dsr_id, key_id, wrapped_key, document_id, upload_id, salt, size, sha256, chunks FROM vault.collect_document($1);

-- name: collect_processor
-- The wrapped key of the processor that a committed record names.
SELECT key_id, wrapped_key FROM vault.collect_processor($1);

-- name: begin_upload
-- Open a new writing of a document.
SELECT upload_id, stored_as FROM vault.begin_upload($1, $2, $3, $4, $5);

-- name: put_chunks
-- Add consecutive chunks to an open upload.
SELECT vault.put_chunks($1, $2, $3::bytea[]);

-- name: finish_upload
-- Make the upload the content of its document.
SELECT vault.finish_upload($1, $2, $3, $4);

-- name: store_documents
-- Store whole documents of one chunk each; gives those that were refused, by their place, and why.
SELECT place, reason FROM vault.store_documents(
    $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::text[], $8::bytea[]
);

-- name: read_chunks
-- A run of encrypted chunks in order.
SELECT position, ciphertext FROM vault.read_chunks($1, $2, $3);

-- name: describe_document
-- What is known of a document without opening it.
SELECT dsr_id, upload_id, name, media_type, size, sha256, stored_at FROM vault.describe_document($1);

-- name: shred
-- Destroy data keys, ciphertext and documents; tells how many DSRs it was that still had a key.
SELECT vault.shred($1::uuid[]);

-- name: sweep_uploads
-- Drop uploads that were left unfinished.
SELECT vault.sweep_uploads();

-- name: redemptions_of
-- Who opened what of one DSR, oldest first.
SELECT redeemer, role, reason, task_id, document_id, found, at FROM vault.redemptions_of($1);
