-- name: untold
-- Open requests of these controllers behind an id of which the saga may not know: nothing was told of them yet, or
-- they were verified or taken back after that.
SELECT page.*
FROM unnest($1::text[]) AS mine (controller_id)
CROSS JOIN LATERAL (
    SELECT dsr_id, dsr.controller_id, right_asked, export_first, received_at, accepted_at, channel, country, regime,
           identity, identifier_kinds, status_version = 0 AS untold, withdrawn_at,
           verified_at, method, parent_id, asked
    FROM dsr
    LEFT JOIN identity_check USING (controller_id, dsr_id)
    WHERE dsr.controller_id = mine.controller_id AND state <> 'closed'
      AND (status_version = 0 OR withdrawn_at IS NOT NULL OR verified_at IS NOT NULL)
      AND ($2::uuid IS NULL OR dsr_id > $2)
    ORDER BY dsr_id
    LIMIT $3
) AS page
ORDER BY page.dsr_id
LIMIT $3;
