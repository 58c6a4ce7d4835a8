-- The index of the senders' keys has the messages without a key here already.
SELECT 1;
