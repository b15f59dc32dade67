-- What was asked beside the right: purposes, categories, the ground of a restriction and the like. Nothing in it names
-- the person; the values of corrections are sealed in the vault. NULL for rights that need nothing, which most are.
ALTER TABLE dsr ADD COLUMN asked jsonb;
