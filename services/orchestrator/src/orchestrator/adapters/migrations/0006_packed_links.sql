-- What is alike in the links of all chains stands in a dictionary of the program, not in every row: a link takes a fifth
-- of its bytes (adapters/packing.py). Rows written before keep their text.
ALTER TABLE audit_event
    ALTER content DROP NOT NULL,
    ADD COLUMN packed bytea,
    ALTER packed SET STORAGE EXTERNAL,
    ADD CONSTRAINT audit_event_one_form CHECK (num_nonnulls(content, packed) = 1) NOT VALID;
COMMENT ON COLUMN audit_event.packed IS 'The content, packed; null: it stands in `content`, as links were written before';

-- A task had two arrays of one element or none, at 88 bytes for 43.
ALTER TABLE task
    ALTER after DROP NOT NULL,
    ALTER tokens DROP NOT NULL,
    ADD COLUMN subject_tokens text;
COMMENT ON COLUMN task.after IS 'Null: none';
COMMENT ON COLUMN task.tokens IS 'As they were written before; null: see subject_tokens';
COMMENT ON COLUMN task.subject_tokens IS 'Separated by commas; null: none, or see tokens. Emptied when the key is shredded';

-- Which open sagas are behind the register: a million of them share one value, so its index is as good as empty without
-- their ids.
CREATE INDEX saga_behind ON saga (checked_register_id) WHERE closed_at IS NULL;
DROP INDEX saga_unchecked;

-- Nothing asked this index any more, and as its predicate named the status, it made every answer write every index of
-- the table. An answer is longer than the row that it comes to, so most answers leave their page, whatever is kept free.
DROP INDEX task_with_incident;
ALTER TABLE task SET (fillfactor = 90);
ALTER TABLE timer SET (fillfactor = 100);
