-- Portable copies that are to be sent straight to another controller (Art. 20(2)). Of what that one answered a hash is
-- kept. `target` names an entry of the deployment's list; nothing here is an address that a caller chose.
CREATE TABLE transmission (
    controller_id  text NOT NULL,
    dsr_id         uuid NOT NULL,
    target         text NOT NULL,
    state          text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'transmitted', 'refused', 'none')),
    attempts       integer NOT NULL DEFAULT 0,
    due_at         timestamptz NOT NULL DEFAULT '-infinity',
    tried_at       timestamptz,
    http_status    integer,
    receipt_sha256 text,
    problem        text,                       -- code of what was wrong with the last attempt
    PRIMARY KEY (controller_id, dsr_id),
    FOREIGN KEY (controller_id, dsr_id) REFERENCES dsr
);
CREATE INDEX transmission_waiting ON transmission (due_at) WHERE state = 'waiting';
