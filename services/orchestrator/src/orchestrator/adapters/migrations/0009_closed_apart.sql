-- Few of a controller's sagas are closed when a million are open, and few open when millions are closed: each list by an
-- index of its own, so that neither passes the other's rows. A saga is in one of them at a time, as it was in one.
CREATE INDEX saga_open_of_controller ON saga (controller_id, due_strict, id) WHERE closed_at IS NULL;
CREATE INDEX saga_closed_of_controller ON saga (controller_id, due_strict, id) WHERE closed_at IS NOT NULL;
DROP INDEX saga_of_controller;
