INSERT INTO projections (name, pos) VALUES ('search', 0);
