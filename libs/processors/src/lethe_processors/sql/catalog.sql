-- What the database itself says about the described tables.

-- name: tables
-- The described tables that exist, with the rights of the connected role. $1 collections, $2 quoted names.
SELECT w.collection, c.oid::bigint AS oid, c.relkind::text AS kind, c.relrowsecurity AS row_security,
       has_table_privilege(c.oid, 'SELECT') AS can_select,
       has_table_privilege(c.oid, 'DELETE') AS can_delete,
       has_table_privilege(c.oid, 'INSERT') AS can_insert,
       row_security_active(c.oid) AS rows_hidden
FROM unnest($1::text[], $2::text[]) AS w (collection, quoted)
JOIN pg_class c ON c.oid = to_regclass(w.quoted)

-- name: columns
-- Columns of the tables $1; a domain is told as its base type, lengths apply to character types.
SELECT a.attrelid::bigint AS oid, a.attname::text AS name, format_type(b.oid, NULL) AS type,
       b.typcategory::text AS category, a.attnotnull OR t.typnotnull AS not_null,
       a.attgenerated <> '' OR a.attidentity = 'a' AS generated,
       CASE WHEN b.typname IN ('varchar', 'bpchar') THEN
           nullif(greatest(a.atttypmod, t.typtypmod), -1) - 4
       END AS max_length,
       has_column_privilege(a.attrelid, a.attnum, 'SELECT') AS can_select,
       has_column_privilege(a.attrelid, a.attnum, 'UPDATE') AS can_update
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
WHERE a.attrelid = ANY ($1::bigint[]::oid[]) AND a.attnum > 0 AND NOT a.attisdropped

-- name: indexes
-- Valid indexes of the tables $1: their plain columns when unique and total, and what their first key is.
SELECT i.indrelid::bigint AS oid, i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL AS is_key,
       pg_get_indexdef(i.indexrelid, 1, TRUE) AS head,
       ARRAY(
           SELECT a.attname::text FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, n)
           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
           WHERE k.n <= i.indnkeyatts ORDER BY k.n
       ) AS columns
FROM pg_index i
WHERE i.indrelid = ANY ($1::bigint[]::oid[]) AND i.indisvalid

-- name: foreign_keys
-- Foreign keys that end at the tables $1, wherever they begin; `enforced`: no row can point to nothing.
SELECT c.conname::text AS name, c.conrelid::bigint AS source, c.confrelid::bigint AS target,
       c.conrelid::regclass::text AS source_table, c.confdeltype::text AS on_delete, c.condeferrable AS deferrable,
       format('%I.%I', n.nspname, c.conname) AS quoted_name,
       c.convalidated AND coalesce((to_jsonb(c) ->> 'conenforced')::boolean, TRUE) AS enforced,
       has_table_privilege(c.conrelid, 'SELECT') AS readable,
       ARRAY(
           SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k (attnum, n)
           JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum ORDER BY k.n
       ) AS source_columns,
       ARRAY(
           SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY AS k (attnum, n)
           JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum ORDER BY k.n
       ) AS target_columns
FROM pg_constraint c
JOIN pg_namespace n ON n.oid = c.connamespace
WHERE c.contype = 'f' AND c.conparentid = 0 AND c.confrelid = ANY ($1::bigint[]::oid[])
