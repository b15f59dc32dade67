-- When the person took the request back, and who told us. No reason is asked for: none is needed.
ALTER TABLE dsr
    ADD COLUMN withdrawn_at timestamptz,
    ADD COLUMN withdrawn_by text;
