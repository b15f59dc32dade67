-- Which open sagas wait for one processor: among a million, few may. The processor alone is in the index, so that a
-- hundred tasks of one processor share an entry; an answer that settles a task writes nothing here.
CREATE INDEX task_waiting_for ON task (processor_id) WHERE status NOT IN ('done', 'excepted', 'cancelled');
