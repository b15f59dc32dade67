-- How the dates of a saga came about stood twice, in 650 bytes each: it is in the first link of its chain already.
-- Rows written before keep theirs; new ones have none.
ALTER TABLE saga_fact ALTER clock DROP NOT NULL;
COMMENT ON COLUMN saga_fact.clock IS 'Null: as the first link of the chain has it';

-- The list of sagas in one state has to find few among a million. The state is named by an index that leaves closed sagas
-- out, so a saga's updates leave their page once more than before, when its verification begins.
CREATE INDEX saga_open_in_state ON saga (state, due_strict, id) WHERE closed_at IS NULL;
