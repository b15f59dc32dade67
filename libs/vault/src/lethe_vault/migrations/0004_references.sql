-- Whom a request is about, by the reference that stands for the person: it opens nothing.
CREATE FUNCTION references_of(dsr_ids uuid[]) RETURNS TABLE (dsr_id uuid, subject_ref uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = vault, pg_temp AS $$
    SELECT s.dsr_id, s.subject_ref FROM sealed AS s
    WHERE s.dsr_id = ANY (references_of.dsr_ids) AND s.shredded_at IS NULL;
$$;
