-- A burst is looked for by a hash of what its signals have in common: 16 bytes of index a signal instead of 150.
CREATE INDEX signal_group ON signal
    (hashtextextended(controller_id || '/' || asset || '/' || actor || '/' || rule, 0), at);
DROP INDEX signal_window;
