-- A deadline is the end of a day, so all that came in on one day are due at one instant: among them the oldest goes
-- first, or a backlog would let new work overtake old work by chance.
CREATE INDEX job_next ON job (processor_id, verb, due_at, accepted_at, task_id) WHERE state = 'waiting';
DROP INDEX job_due;
