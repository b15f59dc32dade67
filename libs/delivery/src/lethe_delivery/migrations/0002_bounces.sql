-- What came back about letters that had been accepted, each report once. The report itself holds an address and is not kept.
CREATE TABLE delivery_bounce (
    delivery_id uuid NOT NULL REFERENCES delivery (id),
    report text NOT NULL,                       -- by which a repeat of the same report is known: a hash of it
    permanent boolean NOT NULL,                 -- false: the other side gave up for now, another time may do
    status text NOT NULL,                       -- RFC 3463 code and the server's words, without addresses
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (delivery_id, report)
);
