-- What happens to a request beside its tasks: its end, changes of its clock. Seldom there, so a text and no table.
ALTER TABLE saga_fact ADD COLUMN beside text;
COMMENT ON COLUMN saga_fact.beside IS 'JSON; null: nothing happened beside the tasks';
COMMENT ON COLUMN saga_fact.clock IS 'Null: as the first link of the chain has it; else as it was changed last';
