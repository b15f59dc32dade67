-- Signals and what the rules make of them.

-- name: insert_signals
-- Store signals; gives the ids of those that are new.
INSERT INTO signal (id, controller_id, asset, actor, rule, at, severity, records, source, suppressed)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::smallint[],
    $8::bigint[], $9::text[], $10::boolean[])
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: newest
-- When the newest end of a burst was seen, per group, if any was since a moment; one row per group, in their order.
SELECT s.at FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
    WITH ORDINALITY AS w(controller_id, asset, actor, rule, since, place)
LEFT JOIN LATERAL (
    SELECT x.at FROM signal x
    WHERE hashtextextended(x.controller_id || '/' || x.asset || '/' || x.actor || '/' || x.rule, 0)
        = hashtextextended(w.controller_id || '/' || w.asset || '/' || w.actor || '/' || w.rule, 0)
      AND x.controller_id = w.controller_id AND x.asset = w.asset AND x.actor = w.actor AND x.rule = w.rule
      AND x.at >= w.since AND NOT x.suppressed ORDER BY x.at DESC LIMIT 1) s ON true
ORDER BY w.place;

-- name: anchors
-- Signals that may end a burst whose late parts arrive only now, and that are no hit yet. Windows do not overlap.
SELECT s.id, s.controller_id, s.asset, s.actor, s.rule, s.at, s.severity, s.records, s.source
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
    AS w(controller_id, asset, actor, rule, since, until)
CROSS JOIN LATERAL (
    SELECT * FROM signal x
    WHERE hashtextextended(x.controller_id || '/' || x.asset || '/' || x.actor || '/' || x.rule, 0)
        = hashtextextended(w.controller_id || '/' || w.asset || '/' || w.actor || '/' || w.rule, 0)
      AND x.controller_id = w.controller_id AND x.asset = w.asset AND x.actor = w.actor AND x.rule = w.rule
      AND x.at >= w.since AND x.at < w.until AND NOT x.suppressed ORDER BY x.at LIMIT $7) s
WHERE NOT EXISTS (SELECT 1 FROM hit h WHERE h.anchor = s.id);

-- name: before
-- The newest signals of a burst, before each of these moments. Windows do not overlap.
SELECT s.id, s.controller_id, s.asset, s.actor, s.rule, s.at, s.severity, s.records, s.source
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
    AS w(controller_id, asset, actor, rule, since, until)
CROSS JOIN LATERAL (
    SELECT * FROM signal x
    WHERE hashtextextended(x.controller_id || '/' || x.asset || '/' || x.actor || '/' || x.rule, 0)
        = hashtextextended(w.controller_id || '/' || w.asset || '/' || w.actor || '/' || w.rule, 0)
      AND x.controller_id = w.controller_id AND x.asset = w.asset AND x.actor = w.actor AND x.rule = w.rule
      AND x.at > w.since AND x.at <= w.until AND NOT x.suppressed ORDER BY x.at DESC LIMIT $7) s;

-- name: one_at_a_time
-- Cases of one controller are opened from signals by one transaction at a time, so that their number stays bounded.
SELECT pg_advisory_xact_lock(hashtextextended('lethe-breach/' || c, 0)) FROM unnest($1::text[]) AS c ORDER BY c;

-- name: open_incidents
-- Incidents of controllers that hits may belong to: those whose case somebody still has to decide or to close.
SELECT i.id, i.controller_id, i.rule, i.asset, i.first_at, i.hits, i.case_id
FROM incident i JOIN breach_case c ON c.id = i.case_id
WHERE i.controller_id = ANY($1::text[]) AND c.state NOT IN ('dismissed', 'closed', 'merged')
  AND i.first_at BETWEEN $2::timestamptz AND $3::timestamptz ORDER BY i.first_at, i.id;

-- name: opened_lately
-- How many incidents of each controller were opened within the last hour.
SELECT controller_id, count(*) AS opened FROM incident
WHERE controller_id = ANY($1::text[]) AND opened_at > clock_timestamp() - interval '1 hour' AND rule <> $2
GROUP BY controller_id;

-- name: known_hits
-- Hits that were counted before.
SELECT anchor FROM hit WHERE anchor = ANY($1::uuid[]);

-- name: put_incidents
-- New incidents, and what came to old ones.
INSERT INTO incident (id, case_id, controller_id, rule, asset, first_at, last_at, hits)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
    $8::bigint[])
ON CONFLICT (id) DO UPDATE SET hits = incident.hits + excluded.hits, last_at = greatest(incident.last_at, excluded.last_at);

-- name: put_hits
-- Hits, each once.
INSERT INTO hit (anchor, incident_id) SELECT * FROM unnest($1::uuid[], $2::uuid[]) ON CONFLICT DO NOTHING;

-- name: purge
-- Signals and hits that their topic cannot deliver any more.
WITH gone AS (DELETE FROM signal WHERE id IN (SELECT id FROM signal WHERE recorded_at < clock_timestamp() - $1::interval
        ORDER BY recorded_at LIMIT $2) RETURNING 1),
    forgotten AS (DELETE FROM hit WHERE anchor IN (SELECT anchor FROM hit
        WHERE recorded_at < clock_timestamp() - $1::interval ORDER BY recorded_at LIMIT $2) RETURNING 1)
SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM forgotten);
